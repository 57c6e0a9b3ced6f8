import { Landing } from "@/features/session/landing";

/** For who has not signed in: the server leads others on to their sessions. */
export default function Page() {
  return <Landing />;
}
