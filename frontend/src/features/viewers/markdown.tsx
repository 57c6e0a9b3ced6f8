"use client";

import { lexer, type Token, type Tokens } from "marked";
import { createContext, Fragment, useContext, useEffect, useMemo, useState, type ReactNode } from "react";
import { parentOf } from "@/lib/paths";
import { CodeBlock } from "./code-block";
import { InertHTML } from "./inert-html";
import { binaryKind } from "./kind";
import { resolveLink, type Link } from "./links";

/** What a text is part of: where its relative addresses lead. */
export interface Surroundings {
  /** The file's path. */
  readonly path: string;
  readonly open: (path: string) => void;
  /** The bytes of another file of the workspace. */
  readonly bytes: (path: string) => Promise<Uint8Array<ArrayBuffer>>;
  /** Pictures that came with the text, by name. */
  readonly attachments?: ReadonlyMap<string, string>;
}

const Around = createContext<Surroundings>({ path: "", open: () => undefined, bytes: () => Promise.reject(new Error("there are no files here")) });

/** Markdown as elements, made from its tokens: no HTML of the text becomes HTML of the page. */
export function Markdown({ text, around }: { readonly text: string; readonly around: Surroundings }) {
  const tokens = useMemo(() => lexer(text), [text]);
  return (
    <Around value={around}>
      <div className="prose">{blocks(tokens)}</div>
    </Around>
  );
}

function blocks(tokens: readonly Token[]): ReactNode[] {
  return tokens.map((token, index) => <Fragment key={index}>{block(token as Tokens.Generic)}</Fragment>);
}

function inline(tokens: readonly Token[] | undefined): ReactNode[] {
  return (tokens ?? []).map((token, index) => <Fragment key={index}>{span(token as Tokens.Generic)}</Fragment>);
}

function block(token: Tokens.Generic): ReactNode {
  switch (token.type) {
    case "heading": {
      const Level = (["h1", "h2", "h3", "h4", "h5", "h6"] as const)[(token as Tokens.Heading).depth - 1] ?? "h6";
      return <Level>{inline(token.tokens)}</Level>;
    }
    case "paragraph":
      return <p>{inline(token.tokens)}</p>;
    case "text":
      return token.tokens ? inline(token.tokens) : unescaped(token.text as string);
    case "code":
      return <CodeBlock code={token.text as string} language={(token as Tokens.Code).lang?.split(/\s/)[0] ?? ""} />;
    case "blockquote":
      return <blockquote>{blocks(token.tokens ?? [])}</blockquote>;
    case "list":
      return list(token as Tokens.List);
    case "table":
      return table(token as Tokens.Table);
    case "hr":
      return <hr />;
    case "html":
      return <InertHTML html={token.text as string} />;
    case "space":
    case "def":
      return null;
    default:
      return token.tokens ? blocks(token.tokens) : unescaped(token.raw);
  }
}

function list(token: Tokens.List): ReactNode {
  const items = token.items.map((item, index) => (
    <li key={index} className={item.task ? "task" : undefined}>
      {item.task && <input type="checkbox" checked={item.checked ?? false} readOnly disabled aria-label={item.checked ? "done" : "to do"} />}
      {blocks(item.tokens.filter(({ type }) => type !== "checkbox"))}
    </li>
  ));
  return token.ordered ? <ol start={token.start === "" ? undefined : token.start}>{items}</ol> : <ul>{items}</ul>;
}

function table(token: Tokens.Table): ReactNode {
  const align = (index: number) => ({ textAlign: token.align[index] ?? undefined });
  return (
    <div className="scroll">
      <table>
        <thead>
          <tr>
            {token.header.map((cell, index) => (
              <th key={index} style={align(index)}>
                {inline(cell.tokens)}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {token.rows.map((row, number) => (
            <tr key={number}>
              {row.map((cell, index) => (
                <td key={index} style={align(index)}>
                  {inline(cell.tokens)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function span(token: Tokens.Generic): ReactNode {
  switch (token.type) {
    case "strong":
      return <strong>{inline(token.tokens)}</strong>;
    case "em":
      return <em>{inline(token.tokens)}</em>;
    case "del":
      return <del>{inline(token.tokens)}</del>;
    case "codespan":
      return <code>{token.text as string}</code>;
    case "br":
      return <br />;
    case "link":
      return <Anchor href={token.href as string}>{inline(token.tokens)}</Anchor>;
    case "image":
      return <Picture href={token.href as string} alt={token.text as string} />;
    // A tag by itself: what is between two of them is shown without them.
    case "html":
    case "checkbox":
      return /^<br\s*\/?>$/i.test(token.raw.trim()) ? <br /> : null;
    default:
      return token.tokens ? inline(token.tokens) : unescaped((token.text as string | undefined) ?? token.raw);
  }
}

const entities: Readonly<Record<string, string>> = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'", nbsp: " ", copy: "©", mdash: "—", ndash: "–", hellip: "…" };

/** Characters that are written by name or number. */
function unescaped(text: string): string {
  return text.replace(/&(?:#(\d{1,7})|#x([0-9a-f]{1,6})|([a-z]+));/gi, (all: string, decimal?: string, hex?: string, name?: string) => {
    if (name !== undefined) return entities[name] ?? all;
    const code = decimal !== undefined ? Number(decimal) : Number.parseInt(hex ?? "", 16);
    return code > 0 && code <= 0x10ffff ? String.fromCodePoint(code) : all;
  });
}

function Anchor({ href, children }: { readonly href: string; readonly children: ReactNode }) {
  const around = useContext(Around);
  const link: Link = resolveLink(href, parentOf(around.path));
  if (link.kind === "web") {
    return (
      <a href={link.href} target="_blank" rel="noopener noreferrer">
        {children}
      </a>
    );
  }
  if (link.kind === "file") {
    return (
      <button type="button" className="link" onClick={() => around.open(link.path)}>
        {children}
      </button>
    );
  }
  return <>{children}</>;
}

function Picture({ href, alt }: { readonly href: string; readonly alt: string }) {
  const around = useContext(Around);
  const [url, setURL] = useState<string | null>(null);
  const attached = href.startsWith("attachment:") ? around.attachments?.get(href.slice("attachment:".length)) : undefined;
  const link = resolveLink(href, parentOf(around.path));
  const path = link.kind === "file" ? link.path : "";
  const { bytes } = around;
  useEffect(() => {
    if (path === "") return;
    const svg = path.toLowerCase().endsWith(".svg");
    const { kind, type } = binaryKind(path);
    if (kind !== "image" && !svg) return;
    let left = false;
    let made = "";
    bytes(path).then(
      (content) => {
        if (left) return;
        // An SVG as an address of this origin could be opened as a page; as data it cannot.
        if (!svg) made = URL.createObjectURL(new Blob([content], { type }));
        setURL(svg ? `data:image/svg+xml;charset=utf-8,${encodeURIComponent(new TextDecoder().decode(content))}` : made);
      },
      () => undefined, // the text in its place is shown
    );
    return () => {
      left = true;
      if (made) URL.revokeObjectURL(made);
    };
  }, [path, bytes]);
  const address = attached ?? (/^data:image\/(?:png|jpeg|gif|webp);base64,/i.test(href) ? href : url);
  if (address !== null) {
    // eslint-disable-next-line @next/next/no-img-element -- a picture of the workspace, not of the application
    return <img src={address} alt={alt} />;
  }
  // Pictures from elsewhere would tell their server who reads this.
  return link.kind === "web" ? <Anchor href={href}>{alt || link.href}</Anchor> : <em>{alt || href}</em>;
}
