import { Nav } from "./nav";

const ROUTES = [
  { path: "/", view: <Home /> },
];

export function App() {
  return (
    <Nav
      items={[
        "home",
      ]}
    />
  );
}
