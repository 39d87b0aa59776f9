import "./reset.css";
import "./a.css";
