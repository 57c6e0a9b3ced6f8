import { Mark } from "@/components/brand";

export default function NotFound() {
  return (
    <main className="flex min-h-full flex-col items-center justify-center gap-3 p-6 text-center">
      <Mark size={40} />
      <h1 className="text-[18px] font-semibold">There is no such page</h1>
      <p className="text-muted">
        Go to{" "}
        <a className="font-medium text-accent-text hover:underline" href="/dashboard/">
          your sessions
        </a>
        .
      </p>
    </main>
  );
}
