export * from "./a";
export * from "./b";
export { C } from "./c";
