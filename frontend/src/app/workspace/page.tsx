import type { Metadata } from "next";
import { Suspense } from "react";
import { WorkspaceLoader } from "@/features/workspace/workspace-loader";

export const metadata: Metadata = { title: "Workspace" };

export default function Page() {
  return (
    <Suspense>
      <WorkspaceLoader />
    </Suspense>
  );
}
