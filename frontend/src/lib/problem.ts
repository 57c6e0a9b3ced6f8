import { problemSchema, type ProblemBody } from "./schemas";

/** An answer of the API that is not a success, or the absence of one (`status` 0). */
export class Problem extends Error {
  readonly status: number;
  readonly code: string;
  /** By field name, for invalid input. */
  readonly fields: Readonly<Record<string, string>>;
  /** The revision that a stale write met. */
  readonly currentRevision: number | undefined;

  constructor(body: ProblemBody) {
    super(body.detail || body.title || "The server did not say why.");
    this.name = "Problem";
    this.status = body.status;
    this.code = body.code;
    this.fields = body.errors;
    this.currentRevision = body.current_revision;
  }

  /** Reads the problem out of a failed response; a body that is not a problem still makes one. */
  static async from(response: Response): Promise<Problem> {
    let value: unknown = {};
    try {
      value = await response.json();
    } catch {
      // A proxy's HTML page, or nothing at all: the status has to say it.
    }
    const parsed = problemSchema.safeParse(value);
    const body = parsed.success ? parsed.data : problemSchema.parse({});
    return new Problem({
      ...body,
      status: response.status,
      title: body.title || response.statusText || `The server answered ${response.status}.`,
    });
  }

  /** What was to be read in parts is not what it was any more. */
  static changed(): Problem {
    return new Problem(problemSchema.parse({ status: 412, code: "precondition_failed", detail: "The file has changed meanwhile." }));
  }

  static offline(): Problem {
    return new Problem(
      problemSchema.parse({ status: 0, code: "offline", detail: "The server cannot be reached. Check the connection and try again." }),
    );
  }
}

/** The words to show for anything that was thrown. */
export function errorText(error: unknown): string {
  if (error instanceof Error) return error.message;
  return String(error);
}
