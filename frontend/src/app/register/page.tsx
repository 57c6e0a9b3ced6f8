import type { Metadata } from "next";
import { RegisterForm } from "@/features/session/auth-form";

export const metadata: Metadata = { title: "Create account" };

export default function Page() {
  return <RegisterForm />;
}
