def code(name, table):
    return table.get(name, -1)
