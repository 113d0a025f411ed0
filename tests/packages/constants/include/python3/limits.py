MODULUS = {{modulus}}
