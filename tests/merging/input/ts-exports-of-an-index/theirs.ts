export * from "./a";
export { C } from "./c";
