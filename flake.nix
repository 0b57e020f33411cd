{
  description = "Shows which API key each of your AI tools will really send, tests it, and replaces it safely";

  inputs.nixpkgs.url = "github:NixOS/nixpkgs/nixpkgs-unstable";

  outputs =
    { self, nixpkgs }:
    let
      systems = [
        "x86_64-linux"
        "aarch64-linux"
        "x86_64-darwin"
        "aarch64-darwin"
      ];
      each = make: nixpkgs.lib.genAttrs systems (system: make nixpkgs.legacyPackages.${system});
      package = (builtins.fromTOML (builtins.readFile ./Cargo.toml)).package;
    in
    {
      packages = each (pkgs: {
        default = pkgs.rustPlatform.buildRustPackage {
          pname = package.name;
          version = package.version;
          src = self;
          cargoLock.lockFile = ./Cargo.lock;
          buildType = "dist";
          # The suites need a display, a keyring and strace; .ci/run has them.
          doCheck = false;
          nativeBuildInputs = [ pkgs.installShellFiles ];
          postInstall = ''
            sh contrib/assemble $out/bin/keymend package
            installManPage package/man/*.1
            installShellCompletion --cmd keymend --bash package/completions/keymend.bash \
              --zsh package/completions/_keymend --fish package/completions/keymend.fish
          '';
          meta = {
            description = package.description;
            mainProgram = "keymend";
            license = [
              pkgs.lib.licenses.mit
              pkgs.lib.licenses.asl20
            ];
          };
        };
      });

      devShells = each (pkgs: {
        default = pkgs.mkShell {
          inputsFrom = [ self.packages.${pkgs.stdenv.hostPlatform.system}.default ];
          packages = [
            pkgs.clippy
            pkgs.rustfmt
            pkgs.mdbook
          ];
        };
      });
    };
}
