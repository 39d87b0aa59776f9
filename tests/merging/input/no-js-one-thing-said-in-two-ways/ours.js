const lines = indent([
  "start();",
  `if (told) seen = told;`,
  "return done;",
]);
