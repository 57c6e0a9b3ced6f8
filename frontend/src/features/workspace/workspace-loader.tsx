"use client";

import dynamic from "next/dynamic";

export const WorkspaceLoader = dynamic(() => import("./workspace-page"), { ssr: false });
