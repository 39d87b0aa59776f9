import "./reset.css";
