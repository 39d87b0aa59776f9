import { A } from "./a";
import { Nav } from "./nav";

const ROUTES = [
  { path: "/", view: <Home /> },
  { path: "/a", view: <A /> },
];

export function App() {
  return (
    <Nav
      items={[
        "home",
        "a",
      ]}
    />
  );
}
