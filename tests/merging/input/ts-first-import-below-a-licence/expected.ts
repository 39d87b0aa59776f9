// Copyright of somebody.

import { a } from "a";
import { b } from "b";
import { readFile } from "fs/promises";
import { join } from "path";

/** Reads a note. */
export async function read(name: string): Promise<string> {
  return await readFile(join("notes", name), "utf8");
}

export const LIMITS = {
  notes: 100,
  words: 5_000,
};

export enum Kind {
  Note = "note",
  Task = "task",
}

export class Store {
  private readonly notes = new Map<string, string>(); // by name

  add(name: string, text: string): void {
    this.notes.set(name, text);
  }
}

export function label(kind: Kind): string {
  switch (kind) {
    case Kind.Note:
      return "a note";
    default:
      return "something";
  }
}
