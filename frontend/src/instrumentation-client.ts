import { config } from "zod/mini";

// Run by Next.js before any module of a page.
//
// zod compiles its schemas with `new Function` where it may, and finds out by trying. The content security policy
// forbids that, and browsers report the attempt as a violation: it is told not to try.
config({ jitless: true });
