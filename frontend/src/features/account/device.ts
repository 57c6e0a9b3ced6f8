/** What a browser says of itself, in two words: "Firefox on Linux". Programs are named as they name themselves. */
export function deviceName(userAgent: string): string {
  const first = (names: readonly (readonly [RegExp, string])[]) => names.find(([pattern]) => pattern.test(userAgent))?.[1] ?? "";
  const browser = first([[/\bEdg/, "Edge"], [/\bOPR\//, "Opera"], [/\bFirefox\//, "Firefox"], [/\b(Headless)?Chrome\//, "Chrome"], [/\bSafari\//, "Safari"]]);
  const system = first([[/\bAndroid\b/, "Android"], [/\biPhone\b|\biPad\b/, "iOS"], [/\bWindows\b/, "Windows"], [/\bMac OS X\b/, "macOS"], [/\bCrOS\b/, "ChromeOS"], [/\bLinux\b/, "Linux"]]);
  const program = userAgent.split(/[\s/]/)[0] ?? "";
  if (browser === "") return program === "" ? "A program" : program;
  return system === "" ? browser : `${browser} on ${system}`;
}
