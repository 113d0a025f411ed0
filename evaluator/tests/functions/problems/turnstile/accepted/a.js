var Turnstile = function(places) {
    this.places = places;
    this.people = [];
};

Turnstile.prototype.enter = function(name) {
    if (this.people.length === this.places) return false;
    this.people.push(name);
    return true;
};

Turnstile.prototype.leave = function() {
    this.people.shift();
};

Turnstile.prototype.inside = function() {
    return this.people;
};
