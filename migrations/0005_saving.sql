-- The sums of a day hold what the cache saved, too. They are made anew after every change of the format.
DELETE FROM rollup;
