export const a = {
	one: f(1),
};
