import { Entrance } from "@/features/session/entrance";

export default function Page() {
  return <Entrance />;
}
