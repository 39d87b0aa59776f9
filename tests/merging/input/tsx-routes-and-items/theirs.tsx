import { B } from "./b";
import { Nav } from "./nav";

const ROUTES = [
  { path: "/", view: <Home /> },
  { path: "/b", view: <B wide /> },
];

export function App() {
  return (
    <Nav
      items={[
        "home",
        "b",
      ]}
    />
  );
}
