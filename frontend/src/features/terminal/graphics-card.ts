/** Whether there is a graphics card to draw with. */
let graphicsCard: boolean | undefined;

/** Whether WebGL is drawn by a graphics card: by the processor it is slower than the page's own elements. */
export function hasGraphicsCard(): boolean {
  graphicsCard ??= findGraphicsCard();
  return graphicsCard;
}

function findGraphicsCard(): boolean {
  // What browsers say of themselves is not enough: Chromium draws with SwiftShader and sees no caveat.
  const context = document.createElement("canvas").getContext("webgl2", { failIfMajorPerformanceCaveat: true });
  if (!context) return false;
  const info = context.getExtension("WEBGL_debug_renderer_info");
  const renderer = String(context.getParameter(info ? info.UNMASKED_RENDERER_WEBGL : context.RENDERER));
  context.getExtension("WEBGL_lose_context")?.loseContext();
  return !/swiftshader|llvmpipe|softpipe|software|basic render/i.test(renderer);
}
