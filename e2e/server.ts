import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, existsSync, mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

const backend = resolve(import.meta.dirname, "../build/bin/backend");

/** Server is the real backend with a data directory of its own, which outlives a stop. */
export class Server {
  readonly dataDir: string;
  readonly port: number;
  private child: ChildProcess | undefined;
  private log = "";
  private readonly flags: readonly string[];

  private constructor(dataDir: string, port: number, flags: readonly string[]) {
    this.dataDir = dataDir;
    this.port = port;
    this.flags = flags;
  }

  /** create starts one; flags are those of "backend serve" (docs/configuration.md). */
  static async create(...flags: readonly string[]): Promise<Server> {
    if (!existsSync(backend)) throw new Error(`${backend} is missing: run "make build" first`);
    const dataDir = mkdtempSync(join(tmpdir(), "cp-e2e-"));
    // Sandboxes and the database run as another user when this runs as root.
    chmodSync(dataDir, 0o755);
    const server = new Server(dataDir, await freePort(), flags);
    await server.start();
    return server;
  }

  get url(): string {
    return `http://localhost:${this.port}`;
  }

  /** start returns when the server says that it is ready. */
  async start(): Promise<void> {
    const child = spawn(backend, ["serve", "--listen", `localhost:${this.port}`, "--data-dir", this.dataDir, ...this.flags], {
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.child = child;
    const ended = new AbortController();
    child.once("exit", () => ended.abort(new Error(`the backend ended:\n${this.log}`)));
    const ready = new Promise<void>((ok) => {
      const read = (chunk: Buffer) => {
        this.log += chunk.toString();
        if (this.log.includes("ready at http://")) ok();
      };
      child.stdout.on("data", read);
      child.stderr.on("data", read);
    });
    this.log = "";
    await Promise.race([
      ready,
      new Promise<never>((_, fail) => ended.signal.addEventListener("abort", () => fail(ended.signal.reason as Error))),
    ]);
  }

  /** stop ends the server as Ctrl-C does, or as a power cut does. */
  async stop(signal: NodeJS.Signals = "SIGINT"): Promise<void> {
    const child = this.child;
    this.child = undefined;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const exit = once(child, "exit");
    child.kill(signal);
    await exit;
  }

  async destroy(): Promise<void> {
    await this.stop();
    rmSync(this.dataDir, { recursive: true, force: true });
  }

  get output(): string {
    return this.log;
  }
}

async function freePort(): Promise<number> {
  const probe = createServer();
  probe.listen(0, "localhost");
  await once(probe, "listening");
  const address = probe.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  probe.close();
  await once(probe, "close");
  return address.port;
}
