export const a = {
	one: f(1),
	two: f(2),
	three: f(3),
};
