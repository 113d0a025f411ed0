def code(name, table):
    return table[name]
