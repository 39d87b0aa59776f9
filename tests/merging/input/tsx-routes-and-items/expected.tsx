import { A } from "./a";
import { B } from "./b";
import { Nav } from "./nav";

const ROUTES = [
  { path: "/", view: <Home /> },
  { path: "/a", view: <A /> },
  { path: "/b", view: <B wide /> },
];

export function App() {
  return (
    <Nav
      items={[
        "home",
        "a",
        "b",
      ]}
    />
  );
}
