import { execFile } from "node:child_process";
import { promisify } from "node:util";

const run = promisify(execFile);

/** Installation is backends on a cluster, in the place of a Server; CLUSTER and CLUSTER_DIR say how kubectl is run. */
export class Installation {
  readonly url: string;

  constructor(url: string) {
    this.url = url;
  }

  /** stop takes all backends away, as a roll-out does or as a power cut does: others are started at once. */
  async stop(signal: NodeJS.Signals = "SIGINT"): Promise<void> {
    if (signal === "SIGKILL") {
      await this.kubectl("delete", "pods", "-l", "app=backend", "--grace-period=0", "--force");
    } else {
      await this.kubectl("rollout", "restart", "deployment/backend");
    }
  }

  /** start returns when the new ones are ready. */
  async start(): Promise<void> {
    await this.kubectl("rollout", "status", "deployment/backend", "--timeout=180s");
  }

  async destroy(): Promise<void> {
    // It belongs to who has installed it.
  }

  private async kubectl(...args: string[]): Promise<void> {
    const { CLUSTER, CLUSTER_DIR } = process.env;
    if (CLUSTER === undefined || CLUSTER_DIR === undefined) throw new Error("CLUSTER and CLUSTER_DIR must be set");
    await run(CLUSTER, ["--dir", CLUSTER_DIR, "kubectl", "-n", "coding-platform", ...args]);
  }
}
