"use client";

import { Component, type ReactNode } from "react";
import { errorText } from "@/lib/problem";

interface Props {
  readonly children: ReactNode;
}

/** A file that its viewer cannot show leaves the rest of the page as it is. */
export class Boundary extends Component<Props, { readonly error: unknown }> {
  override state: { readonly error: unknown } = { error: null };

  static getDerivedStateFromError(error: unknown) {
    return { error };
  }

  override render() {
    if (this.state.error === null) return this.props.children;
    return <p className="p-6 text-[13px] text-muted">This file cannot be shown in this way: {errorText(this.state.error)}</p>;
  }
}
