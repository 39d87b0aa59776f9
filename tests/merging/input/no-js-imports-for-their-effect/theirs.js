import "./reset.css";
import "./b.css";
