import type { Metadata } from "next";
import { AcceptPage } from "@/features/sharing/accept-page";

export const metadata: Metadata = { title: "Shared session", referrer: "no-referrer" };

export default function Page() {
  return <AcceptPage />;
}
