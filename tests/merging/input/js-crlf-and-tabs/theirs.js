export const a = {
	one: f(1),
	three: f(3),
};
