import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import type { Server } from "./server.ts";

const run = promisify(execFile);

/** In the environment's user namespace, which has a count of watches of its own. Whoever made it may set its limit. */
const script = `
import ctypes, os, sys
libc = ctypes.CDLL(None, use_errno=True)
namespace = os.open(f"/proc/{sys.argv[1]}/ns/user", os.O_RDONLY)
CLONE_NEWUSER = 0x10000000
if libc.setns(namespace, CLONE_NEWUSER) != 0:
    sys.exit(os.strerror(ctypes.get_errno()))
with open("/proc/sys/user/max_inotify_watches", "w") as limit:
    limit.write(sys.argv[2])
`;

/** limitWatches has the kernel give a session's environment no more file watches than so many, as when others use them up. */
export async function limitWatches(server: Server, session: string, most: number): Promise<void> {
  const record = JSON.parse(await readFile(join(server.dataDir, "sessions", session, "environment.json"), "utf8")) as { init: { pid: number } };
  await run("python3", ["-c", script, String(record.init.pid), String(most)]);
}
