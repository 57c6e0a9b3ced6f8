"use client";

import { useEffect, useState } from "react";
import { Mark } from "@/components/brand";
import { Button } from "@/components/ui/button";
import { api } from "@/lib/api";
import { Landing } from "./landing";
import { Problem, errorText } from "@/lib/problem";

/** The first page: on to the sessions, or to the sign-in. */
export function Entrance() {
  const [failure, setFailure] = useState("");
  const [nobody, setNobody] = useState(false);
  useEffect(() => {
    api.me().then(
      () => window.location.replace("/dashboard/"),
      (error: unknown) => {
        if (error instanceof Problem && error.status === 401) setNobody(true);
        else setFailure(errorText(error));
      },
    );
  }, []);
  if (nobody) return <Landing />;
  return (
    <main className="flex min-h-full flex-col items-center justify-center gap-4 p-6 text-center">
      <Mark size={40} />
      <h1 className="text-[16px] font-semibold">Coding Platform</h1>
      {failure && (
        <>
          <p role="alert" className="max-w-sm text-muted">
            {failure}
          </p>
          <Button onClick={() => window.location.reload()}>Try again</Button>
        </>
      )}
    </main>
  );
}
