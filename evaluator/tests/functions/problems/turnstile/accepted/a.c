typedef struct {
    int places, first, count;
    char* people[100];
} Turnstile;

Turnstile* turnstileCreate(int places) {
    Turnstile* obj = calloc(1, sizeof(Turnstile));
    obj->places = places;
    return obj;
}

bool turnstileEnter(Turnstile* obj, char* name) {
    if (obj->count == obj->places) return false;
    obj->people[obj->first + obj->count++] = name;
    return true;
}

void turnstileLeave(Turnstile* obj) {
    if (obj->count > 0) obj->first++, obj->count--;
}

char** turnstileInside(Turnstile* obj, int* retSize) {
    *retSize = obj->count;
    return obj->people + obj->first;
}

void turnstileFree(Turnstile* obj) {
    free(obj);
}
