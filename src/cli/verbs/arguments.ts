// How many arguments a verb takes, as docker counts them. Data.

export const none = { least: 0, most: 0 };
export const one = { least: 1, most: 1 };
export const two = { least: 2, most: 2 };
export const some = { least: 1 };
