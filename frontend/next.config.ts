import type { NextConfig } from "next";

const config: NextConfig = {
  output: "export",
  trailingSlash: true,
  reactStrictMode: true,
  poweredByHeader: false,
  devIndicators: false,
  images: { unoptimized: true },
  // `npm run lint` and `npm run typecheck` are their own steps.
  eslint: { ignoreDuringBuilds: true },
  typescript: { ignoreBuildErrors: true },
  // Without this, Next would take the lockfile of a directory above for the workspace's root.
  outputFileTracingRoot: import.meta.dirname,
};

export default config;
