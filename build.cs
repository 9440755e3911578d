#:property PublishAot=false
// The one door to this repository: ./build.ps1 <verb> (from sh and from PowerShell) runs this file.
// It needs the .NET 10 SDK; whatever else a verb needs it installs from the distribution's packages when it may,
// and otherwise prints the line to type. Order of the file: verbs, then the steps they are made of.

using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using System.Xml.Linq;

Environment.SetEnvironmentVariable("DOTNET_CLI_TELEMETRY_OPTOUT", "1");
Environment.SetEnvironmentVariable("DOTNET_NOLOGO", "1");
// The paths below are those of the repository's own artifacts folder.
Environment.SetEnvironmentVariable("ArtifactsPath", null);

try
{
    return args switch
    {
        [] or ["help" or "-h" or "--help", ..] => Verbs.Help(),
        ["run", .. var rest] => Verbs.Run(rest),
        ["publish"] => Verbs.Publish(),
        ["package"] => Verbs.Package(),
        ["test"] => Verbs.Test(),
        ["ci"] => Verbs.Ci(),
        ["torture", .. var rest] => Torture.Run(rest),
        ["nightly"] => Torture.Nightly(),
        ["fuzz", .. var rest] => Verbs.Fuzz(rest),
        ["oracle", .. var rest] => Verbs.Oracle(rest),
        ["perf", .. var rest] => Verbs.Perf(rest),
        ["ring", .. var rest] => Verbs.Ring(rest),
        ["format"] => Verbs.Format(),
        _ => Verbs.Unknown(args),
    };
}
catch (BuildException e)
{
    Console.Error.WriteLine($"build: {e.Message}");
    return 1;
}

internal static class Verbs
{
    private const string Usage = """
        ./build.ps1 <verb>

          run [flags]    publish the native binary if the sources changed, then become it: run -config.file=tempo.yaml
          publish        artifacts/tempo/tempo: Native AOT if this machine can, else ReadyToRun; says which
          package        artifacts/packages/tempo_VERSION_ARCH.deb of that binary, with a systemd unit, at the paths of Grafana's package
          test           format, build, unit and architecture tests, fuzz smoke, publish, perf gate, system tests on the binary
          ci             test, with a reproducible build and more kill rounds
          torture [--minutes N]   kills, errors of each system call, failpoints, power cuts, full disks, over and over; a table of what was lost; then damage and overload
          torture simulation [--seeds N] [--from N]  lives of a node on a simulated disk, step by step from a seed; default 100000 from a seed of the day
          torture ring [--minutes N | --rounds N]  faults of a ring of real nodes, over and over; a table of what was lost. With --rounds also 50 lives of simulated rings for each
          torture damage [--inputs N]     files of the log and of blocks come to other bytes; N in all, default 500000
          torture overload [--minutes N] [--impatient]  five times its capacity for a server of 512 MiB on one processor; needs root, and a machine that does nothing else
          nightly        what takes a night: 1000 kills, 500 power cuts, each system call and failpoint 25 times, 100000 simulated seeds, 500000 damaged
                         files, 200 rounds of a ring, half an hour of overload over gRPC and as long over HTTP
          fuzz [args]    the fuzzer; `fuzz smoke` is what test runs
          oracle [--seeds N] [--from N]  for the night: random TraceQL over random data, 50 searches and 30 metrics queries a seed, against the plain
                         evaluator of tests/unit/query/Oracle; 2000 seeds if no number is given: 160,000 pairs (`test` has 5,200 of them). A
                         third of them runs with the kernels of levels and packed numbers as they are chosen, a third with each kind forced to be scalar
          perf [args]    the load generator; perf suite: loads and queries on the binary, beside a peer if one is named; perf table: the same at
                         the length of the goals, an hour, with the table of the README; perf query: what queries
                         cost in process; perf gate: fails if ingest or a query takes more bytes, or code of
                         the hot path more instructions (valgrind counts them), than perf/gate says
          ring [args]    a ring of three nodes with etcd and S3's wire on this machine, until Ctrl+C; --nodes, --rf
          format         rewrite the sources in the house's layout
          help           this text
        """;

    public static int Help()
    {
        Console.WriteLine(Usage);
        return 0;
    }

    public static int Unknown(string[] args)
    {
        Console.Error.WriteLine($"build: no verb '{string.Join(' ', args)}'\n\n{Usage}");
        return 2;
    }

    public static int Run(string[] flags)
    {
        Publication.Ensure();
        return Shell.Become(Publication.Binary, flags);
    }

    public static int Publish()
    {
        Publication.Ensure();
        Shell.Run(Publication.Binary, "-version");
        return 0;
    }

    public static int Package()
    {
        Publication.Ensure();
        return Shell.Run("sh", "native-host/Packaging/deb.sh", Publication.Binary, "artifacts/packages");
    }

    public static int Ci()
    {
        Environment.SetEnvironmentVariable("ContinuousIntegrationBuild", "true");
        if (Environment.GetEnvironmentVariable("TEMPO_KILL_ROUNDS") is null)
            Environment.SetEnvironmentVariable("TEMPO_KILL_ROUNDS", "20");
        // Some twenty milliseconds of a processor each.
        if (Environment.GetEnvironmentVariable("TEMPO_SIM_SEEDS") is null)
            Environment.SetEnvironmentVariable("TEMPO_SIM_SEEDS", "2000");
        // A third of a second each, and some ten seconds for each round of real nodes.
        if (Environment.GetEnvironmentVariable("TEMPO_RING_SIM_SEEDS") is null)
            Environment.SetEnvironmentVariable("TEMPO_RING_SIM_SEEDS", "300");
        if (Environment.GetEnvironmentVariable("TEMPO_RING_ROUNDS") is null)
            Environment.SetEnvironmentVariable("TEMPO_RING_ROUNDS", "5");
        return Test();
    }

    public static int Test()
    {
        var clock = Stopwatch.StartNew();
        var tally = new Tally();

        SystemPackages.Need(SystemPackages.ForPublish);
        SystemPackages.Need(SystemPackages.ForSystemTests);
        tally.Step("format", () => Shell.Run("dotnet", "format", "whitespace", ".", "--folder", "--verify-no-changes", "--exclude",
            "artifacts", "tests/system/senders/node_modules") == 0);
        if (!tally.Step("build", () => Shell.Run("dotnet", "build", "tempo.slnx", "-c", TestRun.Configuration, "--tl:off", "-v", "q") == 0))
            return tally.Close(clock.Elapsed);

        // Before the unit tests: other readers of Parquet are among those programs.
        var hasSenders = tally.Step("npm ci", Senders.Install);
        TestRun.UnitTests(tally);
        tally.Step("fuzz smoke", () => Shell.Run(TestRun.Executable("fuzz"), "smoke") == 0);
        var isPublished = tally.Step("publish", Publication.Ensure);
        tally.Step("perf gate", static () => Gate([]) == 0);
        if (isPublished && hasSenders) TestRun.SystemTests(tally);
        return tally.Close(clock.Elapsed);
    }

    public static int Fuzz(string[] rest) => Shell.Run("dotnet", ["run", "-c", "Release", "--project", "fuzz", "--", .. rest]);

    /// <summary>What the engine answers against what is obviously right, for every layout of the data and every kernel.</summary>
    public static int Oracle(string[] rest)
    {
        var (seeds, from) = rest switch
        {
            [] => (2000, 1),
            ["--seeds", var count] => (Positive(count), 1),
            ["--seeds", var count, "--from", var first] => (Positive(count), Positive(first)),
            _ => throw new BuildException("oracle takes --seeds N and --from N"),
        };

        // The kernels of filters change from query to query; these are chosen once in a process.
        string[][] forced = [[], ["TEMPO_LEVEL_KERNEL"], ["TEMPO_UNPACK_KERNEL"]];
        var failed = 0;
        for (var third = 0; third < forced.Length; third++)
        {
            var (begin, end) = (seeds * third / forced.Length, seeds * (third + 1) / forced.Length);
            if (begin == end) continue;
            foreach (var variable in forced.SelectMany(static names => names))
                Environment.SetEnvironmentVariable(variable, forced[third].Contains(variable) ? "scalar" : null);
            Environment.SetEnvironmentVariable("TEMPO_ORACLE_SEEDS", $"{end - begin}");
            Environment.SetEnvironmentVariable("TEMPO_ORACLE_FROM", $"{from + begin}");
            Console.WriteLine($"seeds {from + begin} to {from + end - 1}{(forced[third] is [var name] ? $", {name}=scalar" : "")}");
            failed += Shell.Run("dotnet", "run", "-c", "Release", "--project", "tests/unit/query", "--", "-class",
                "Tempo.Query.Tests.OracleTests", "-class", "Tempo.Query.Tests.MetricsOracleTests");
        }

        return failed;

        static int Positive(string text) =>
            int.TryParse(text, out var number) && number > 0
                ? number
                : throw new BuildException($"oracle: {text} is not a number of seeds");
    }

    public static int Ring(string[] rest)
    {
        SystemPackages.Need([.. SystemPackages.ForSystemTests.Where(static package => package.Name == "etcd-server")]);
        Publish();
        return Shell.Run("dotnet", ["run", "-c", "Release", "--project", "perf/ring", "--",
            .. rest.FirstOrDefault() is "cost" or "queries" or "live" ? rest : ["demo", .. rest]]);
    }

    public static int Perf(string[] rest)
    {
        // The README's table: all that it has goals for, at the length that they are about.
        if (rest is ["table", .. var own])
        {
            (string Name, string Value)[] lengths = [("--rounds", "3"), ("--spans", "1000000"), ("--steady-seconds", "600")];
            return Perf(["suite", .. lengths.Where(length => !own.Contains(length.Name))
                .SelectMany(static length => (string[])[length.Name, length.Value]), .. own]);
        }

        if (rest is ["gate", .. var gated]) return Gate(gated);
        if (rest is not ["suite", ..])
            return Shell.Run("dotnet", ["run", "-c", "Release", "--project",
                rest is ["query" or "kernels" or "memory", ..] ? "perf/micro" : "perf/load", "--", .. rest]);
        // With no server named it is the one of these sources, and what needs no server is measured, too.
        var isOurs = !rest.Contains("--target") && !rest.Contains("--binary") && !rest.Contains("--help");
        if (isOurs) Publication.Ensure();
        var failed = Shell.Run("dotnet", ["run", "-c", "Release", "--project", "perf/suite", "--", .. rest[1..]]);
        return !isOurs ? failed : failed + Perf(["gate"]);
    }

    // Bytes in process, instructions of the same code as the product's compiler makes it.
    private static int Gate(string[] arguments)
    {
        var failed = Shell.Run("dotnet", ["run", "-c", "Release", "--project", "perf/micro", "--", "gate", .. arguments]);
        if (!OperatingSystem.IsLinux() || !Publication.EnsureInstructionCounter())
        {
            Console.WriteLine("instructions are not counted here: it takes Linux, valgrind and a native program (Native AOT)");
            return failed;
        }

        SystemPackages.Need(SystemPackages.ForInstructions);
        return failed | Shell.Run(Publication.InstructionCounter, ["gate", .. arguments]);
    }

    public static int Format() => Shell.Run("dotnet", "format", "tempo.slnx");
}

/// <summary>Makes native programs below artifacts/, and leaves each alone while nothing it is made of has changed.</summary>
internal static class Publication
{
    public const string Binary = "artifacts/tempo/tempo";

    /// <summary>Code of the product and nothing else: perf/instructions.</summary>
    public const string InstructionCounter = "artifacts/instructions/tempo-instructions";

    private static readonly string[] ProductFolders = ["engine", "native-host", "ring", "simd-bloom"];
    private static readonly string[] RootFiles =
        ["Directory.Build.props", "Directory.Packages.props", "global.json", ".editorconfig", "build.cs"];

    private static readonly NativeProgram Server = new("native-host/Tempo.Host.csproj", Binary, ProductFolders);
    private static readonly NativeProgram Counter = new(
        "perf/instructions/Tempo.Perf.Instructions.csproj", InstructionCounter, [.. ProductFolders, "perf/instructions", "perf/work", "perf/load"]);

    /// <summary>What is published, to where, and the folders that its sources are in.</summary>
    private sealed record NativeProgram(string Project, string Target, string[] Folders)
    {
        public string Folder => Path.GetDirectoryName(Target)!;

        public string Fingerprint => $"{Folder}/.fingerprint";
    }

    /// <summary>A way to publish; the first that can be restored on this machine is taken.</summary>
    private sealed record Kind(string Framework, string Name, string[] Properties)
    {
        public string Label => $"{Name} ({Framework})";

        public static readonly Kind[] BestFirst =
        [
            // Since .NET 10 the AOT runtime is a package of its own, which not every registry copy holds.
            new("net10.0", "native-aot", ["-p:PublishAot=true"]),
            // Up to .NET 9 the compiler package carries it.
            new("net9.0", "native-aot", ["-p:PublishAot=true"]),
            new("net10.0", "ready-to-run", ["-p:PublishReadyToRun=true", "-p:PublishSingleFile=true", "-p:PublishTrimmed=true",
                "--self-contained"]),
        ];
    }

    private static string Rid =>
        $"{(OperatingSystem.IsWindows() ? "win" : OperatingSystem.IsMacOS() ? "osx" : "linux")}-{RuntimeInformation.OSArchitecture.ToString().ToLowerInvariant()}";

    /// <returns>True; what goes wrong is thrown.</returns>
    public static bool Ensure() => Ensure(Server, BestKind);

    /// <summary>Makes <see cref="InstructionCounter"/>.</summary>
    /// <returns>False if no native program can be made here.</returns>
    public static bool EnsureInstructionCounter()
    {
        var kind = BestKind();
        return kind.Name == "native-aot" && Ensure(Counter, () => kind);
    }

    private static bool Ensure(NativeProgram program, Func<Kind> bestKind)
    {
        var commit = Commit();
        var fingerprint = FingerprintOfSources(program, commit);
        var isMade = File.Exists(program.Target) && File.Exists(program.Fingerprint);
        if (isMade && File.ReadAllText(program.Fingerprint) == fingerprint) return true;

        SystemPackages.Need(SystemPackages.ForPublish);
        var kind = bestKind();
        Console.WriteLine($"publish: {kind.Label}, commit {commit}");
        var exit = Shell.Run("dotnet", [
            "publish", program.Project, "-c", "Release", "-r", Rid, "--tl:off", "-v", "q", "-o", program.Folder,
            $"-p:TempoFramework={kind.Framework}", $"-p:SourceRevisionId={commit}",
            // A folder of its own for each way to publish: frameworks do not share obj/project.assets.json.
            $"-p:ArtifactsPath={Path.GetFullPath($"artifacts/publish/{kind.Framework}-{kind.Name}")}", .. kind.Properties]);
        if (exit != 0 || !File.Exists(program.Target)) throw new BuildException($"publishing {kind.Label} failed");
        File.WriteAllText(program.Fingerprint, fingerprint);
        Console.WriteLine($"publish: {program.Target}, {new FileInfo(program.Target).Length / 1024.0 / 1024.0:F1} MiB, {kind.Label}");
        return true;
    }

    /// <summary>The answer of the probes is kept under artifacts/ per SDK version: a restore that fails takes seconds.</summary>
    private static Kind BestKind()
    {
        var answers = $"artifacts/probe/kind-{Shell.Output("dotnet", "--version").Trim()}";
        var label = File.Exists(answers) ? File.ReadAllText(answers) : null;
        var kind = Array.Find(Kind.BestFirst, k => k.Label == label) ?? Array.Find(Kind.BestFirst, CanRestore)
            ?? throw new BuildException("no way to publish can be restored here: is the package source reachable?");
        File.WriteAllText(answers, kind.Label);
        return kind;
    }

    private static bool CanRestore(Kind kind)
    {
        var folder = $"artifacts/probe/{kind.Framework}-{kind.Name}";
        Directory.CreateDirectory(folder);
        // Empty props: the probe must not inherit the repository's.
        File.WriteAllText($"{folder}/Directory.Build.props", "<Project />");
        File.WriteAllText($"{folder}/Directory.Packages.props", "<Project />");
        File.WriteAllText($"{folder}/probe.csproj", $"""
            <Project Sdk="Microsoft.NET.Sdk.Web">
              <PropertyGroup><TargetFramework>{kind.Framework}</TargetFramework></PropertyGroup>
            </Project>
            """);
        var properties = kind.Properties.Where(p => p.StartsWith("-p:", StringComparison.Ordinal));
        var (exit, _) = Shell.Capture("dotnet", ["restore", $"{folder}/probe.csproj", "-r", Rid, "-p:SelfContained=true", .. properties]);
        Console.WriteLine($"publish: {kind.Label} {(exit == 0 ? "can be restored" : "cannot be restored")}");
        return exit == 0;
    }

    private static string Commit()
    {
        var (exit, head) = Shell.Capture("git", ["rev-parse", "HEAD"]);
        if (exit != 0) return "unknown";
        var (_, changes) = Shell.Capture("git", ["status", "--porcelain", "--", .. ProductFolders]);
        return head.Trim() + (changes.Length == 0 ? "" : "-dirty");
    }

    private static string FingerprintOfSources(NativeProgram program, string commit)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData(Encoding.UTF8.GetBytes(commit));
        var sources = program.Folders.Where(Directory.Exists)
            .SelectMany(folder => Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories))
            .Concat(RootFiles.Where(File.Exists)).Order(StringComparer.Ordinal);
        foreach (var path in sources)
        {
            hash.AppendData(Encoding.UTF8.GetBytes($"\n{path}\n"));
            hash.AppendData(File.ReadAllBytes(path));
        }

        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }
}

/// <summary>Runs the test programs and counts what they say.</summary>
internal static class TestRun
{
    /// <summary>Debug, so that the assertions in the product are part of what is tested; the binary is Release.</summary>
    public const string Configuration = "Debug";
    private static readonly string[] QuietRunner = ["-noLogo", "-noColor"];

    public static void UnitTests(Tally tally)
    {
        string[] projects = [.. Directory.EnumerateFiles("tests/unit", "*.csproj", SearchOption.AllDirectories)
            .Order(StringComparer.Ordinal), .. Directory.EnumerateFiles("tests/architecture", "*.csproj")];
        Parallel.ForEach(projects, new ParallelOptions { MaxDegreeOfParallelism = Environment.ProcessorCount }, project =>
        {
            var (exit, output) = Shell.Capture(Executable(Path.GetDirectoryName(project)!), QuietRunner);
            lock (tally) tally.Tests(Path.GetDirectoryName(project)!, exit, output);
        });
    }

    public static void SystemTests(Tally tally)
    {
        Environment.SetEnvironmentVariable("TEMPO_BINARY", Path.GetFullPath(Publication.Binary));
        Console.WriteLine("== tests/system");
        var (exit, output) = Shell.Capture(Executable("tests/system"), QuietRunner);
        tally.Tests("tests/system", exit, output);
    }

    /// <summary>The program that building the project in <paramref name="folder"/> has made.</summary>
    public static string Executable(string folder, string configuration = Configuration)
    {
        var project =
            Directory.EnumerateFiles(folder, "*.csproj").SingleOrDefault() ?? throw new BuildException($"{folder} has no project");
        var name = Path.GetFileNameWithoutExtension(project);
        var assembly = XDocument.Load(project).Descendants("AssemblyName").FirstOrDefault()?.Value ?? name;
        return $"artifacts/bin/{name}/{configuration.ToLowerInvariant()}/{assembly}{(OperatingSystem.IsWindows() ? ".exe" : "")}";
    }
}

/// <summary>
/// The faults of tests/system on the published binary, over and over with new seeds until the time is up, and a table of what
/// came of them. Each of those tests fails at the first span that is lost, doubled or wrong, and ends this with its report.
/// </summary>
internal static class Torture
{
    private const int MostRoundsOfAPass = 25, LeastRoundsOfAPass = 2, MinutesOfARound = 5;
    private const string Kills = "Tempo.SystemTests.Lifecycle.KillTests", PowerCuts = "Tempo.SystemTests.Torture.PowerCutTests";
    private static readonly string[] Tests = ["-class", "Tempo.SystemTests.Torture.*", "-class", Kills];

    public static int Run(string[] arguments) => arguments switch
    {
        ["simulation", .. var rest] => Simulation(rest),
        ["damage", .. var rest] => Damage(Number(rest, "--inputs", 500_000)),
        ["overload", .. var rest] => Overload(rest),
        ["ring", "--minutes", ..] => RingFor(Number(arguments[1..], "--minutes", 10)),
        ["ring", .. var rest] => Ring(Number(rest, "--rounds", 20)),
        _ => All(Number(arguments, "--minutes", 10)),
    };

    // Kills, calls, failpoints, power cuts and full disks for so long; then damaged files for a tenth of that, and overload for a
    // twentieth, twice.
    private static int All(int minutes) =>
        Faults(minutes) | Damage(minutes * 4000) | OverloadIfRoot(Math.Max(1, minutes / 20));

    /// <summary>The figures that the project promises for a night; the table has them all.</summary>
    public static int Nightly()
    {
        Prepare();
        var results = Path.GetTempFileName();
        var exit = Pass(results, 1000, 1, ["-class", Kills]);
        exit |= Pass(results, 500, 1, ["-class", PowerCuts]);
        exit |= Pass(results, MostRoundsOfAPass, 1, ["-class", "Tempo.SystemTests.Torture.*", "-class-", PowerCuts]);
        ShowTable(results);
        return exit | Simulation([]) | Damage(500_000) | Ring(200) | OverloadIfRoot(30);
    }

    private static int OverloadIfRoot(int minutes)
    {
        if (Environment.IsPrivilegedProcess) return Overload(["--minutes", $"{minutes}"]);
        Console.WriteLine("skipped: overload: needs root, for the control group of the server");
        return 0;
    }

    private static int Number(string[] arguments, string option, int otherwise) => arguments switch
    {
        [] => otherwise,
        [var name, var text] when name == option && int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) =>
            number,
        _ => throw new BuildException($"torture: {option} N is expected"),
    };

    // Most of them of the log, which takes a tenth of a millisecond each; one of a block takes some milliseconds.
    private static int Damage(int inputs)
    {
        var ofBlocks = inputs / 10;
        return Count("tests/unit/wal", "Tempo.Wal.Tests.SegmentDamageTests", inputs - ofBlocks)
            | Count("tests/unit/node", "Tempo.Node.Tests.Corruption.CorruptionTests", ofBlocks);

        static int Count(string folder, string tests, int inputs)
        {
            Build(folder, TestRun.Configuration);
            Environment.SetEnvironmentVariable("TEMPO_CORRUPTION_INPUTS", $"{inputs}");
            var clock = Stopwatch.StartNew();
            var (exit, output) = Shell.Capture(TestRun.Executable(folder), ["-noLogo", "-noColor", "-class", tests]);
            Console.WriteLine(exit == 0 ? $"{folder}: {inputs} damaged files held, {clock.Elapsed.TotalMinutes:F1} minutes" : output);
            return exit;
        }
    }

    // Fifty lives of simulated rings for each round of real nodes: 200 rounds are the 10^4 of a night. A rolling restart is as long as ten
    // of the other rounds.
    private static int Ring(int rounds)
    {
        Prepare();
        Environment.SetEnvironmentVariable("TEMPO_RING_ROUNDS", $"{rounds}");
        Environment.SetEnvironmentVariable("TEMPO_RING_RESTARTS", $"{Math.Max(1, rounds / 10)}");
        Environment.SetEnvironmentVariable("TEMPO_RING_ETCD_OUTAGE_SECONDS", "120");
        Environment.SetEnvironmentVariable("TEMPO_RING_SIM_SEEDS", $"{rounds * 50}");
        Build("tests/unit/ring-simulation", TestRun.Configuration);
        return Run("tests/unit/ring-simulation", "Tempo.Ring.Simulation.*") | Run("tests/system", "Tempo.SystemTests.Ring.*");

        static int Run(string folder, string tests)
        {
            var (exit, output) = Shell.Capture(TestRun.Executable(folder), ["-noLogo", "-noColor", "-class", tests, "-showLiveOutput"]);
            Console.WriteLine(output);
            return exit;
        }
    }

    // Pass after pass of all faults of real nodes, three rounds of each (etcd is away for 6 s, then for 12, up to two minutes), until the
    // time is up; the table is that of RESULTS.md.
    private static int RingFor(int minutes)
    {
        Prepare();
        var (results, clock, exit) = (Path.GetTempFileName(), Stopwatch.StartNew(), 0);
        Environment.SetEnvironmentVariable("TEMPO_TORTURE_RESULTS", results);
        Environment.SetEnvironmentVariable("TEMPO_RING_ROUNDS", "3");
        for (var pass = 1; exit == 0 && (pass == 1 || clock.Elapsed.TotalMinutes < minutes); pass++)
        {
            Environment.SetEnvironmentVariable("TEMPO_RING_ETCD_OUTAGE_SECONDS", $"{Math.Min(6 << Math.Min(pass - 1, 5), 120)}");
            (exit, var output) =
                Shell.Capture(TestRun.Executable("tests/system"), ["-noLogo", "-noColor", "-class", "Tempo.SystemTests.Ring.*"]);
            Console.WriteLine(exit == 0 ? $"pass {pass} held, {clock.Elapsed.TotalMinutes:F0} minutes" : output);
        }

        ShowTable(results, "rounds | spans acknowledged | requests refused | checks of a node | lost, doubled, hidden", static fault =>
            $"{Sums(fault, "rounds", "acknowledged", "refused", "checks")} | 0");
        return exit;
    }

    // Needs root for the control group; the load tool says what else.
    private static int Overload(string[] arguments)
    {
        SystemPackages.Need(SystemPackages.ForPublish);
        Publication.Ensure();
        return Verbs.Perf(["overload", "--binary", Path.GetFullPath(Publication.Binary), .. arguments]);
    }

    private static void Build(string folder, string configuration)
    {
        if (Shell.Run("dotnet", "build", folder, "-c", configuration, "--tl:off", "-v", "q") != 0)
            throw new BuildException("the tests do not build");
    }

    private static void Prepare()
    {
        SystemPackages.Need(SystemPackages.ForPublish);
        SystemPackages.Need(SystemPackages.ForSystemTests);
        Build("tests/system", TestRun.Configuration);
        Publication.Ensure();
        Environment.SetEnvironmentVariable("TEMPO_BINARY", Path.GetFullPath(Publication.Binary));
    }

    private static int Faults(int minutes)
    {
        Prepare();
        var (results, rounds) = (Path.GetTempFileName(), Math.Clamp(minutes / MinutesOfARound, LeastRoundsOfAPass, MostRoundsOfAPass));
        var (clock, exit) = (Stopwatch.StartNew(), 0);
        for (var seed = 1; exit == 0 && (seed == 1 || clock.Elapsed.TotalMinutes < minutes); seed += rounds)
            exit = Pass(results, rounds, seed, Tests);

        ShowTable(results);
        return exit;
    }

    // Each test once, with so many rounds.
    private static int Pass(string results, int rounds, int seed, string[] tests)
    {
        Environment.SetEnvironmentVariable("TEMPO_TORTURE_RESULTS", results);
        Environment.SetEnvironmentVariable("TEMPO_TORTURE_ROUNDS", $"{rounds}");
        Environment.SetEnvironmentVariable("TEMPO_KILL_ROUNDS", $"{rounds}");
        Environment.SetEnvironmentVariable("TEMPO_TORTURE_SEED", $"{seed}");
        Environment.SetEnvironmentVariable("TEMPO_KILL_SEED", $"{seed}");
        var clock = Stopwatch.StartNew();
        var (exit, output) = Shell.Capture(TestRun.Executable("tests/system"), ["-noLogo", "-noColor", .. tests]);
        Console.WriteLine(exit == 0
            ? $"{tests[1]}, {rounds} rounds, seeds from {seed}: held, {clock.Elapsed.TotalMinutes:F0} minutes"
            : output);
        return exit;
    }

    private static void ShowTable(string results) =>
        ShowTable(results, "rounds | acknowledged | refused | unknown | lost | doubled | wrong | slowest start to ready",
            static fault => string.Create(
                CultureInfo.InvariantCulture,
                $"{Sums(fault, "rounds", "acknowledged", "refused", "unknown")} | 0 | 0 | 0 | {fault.Max(static line => (double)line["secondsToReady"]!):F2} s"));

    // A row for each fault. A test that finds something fails, and has no line: what is lost is none.
    private static void ShowTable(string results, string columns, Func<IEnumerable<JsonNode>, string> cells)
    {
        Console.WriteLine($"| fault | {columns} |\n|{string.Concat(Enumerable.Repeat("---|", columns.Split('|').Length + 1))}");
        foreach (var fault in File.ReadLines(results).Select(static line => JsonNode.Parse(line)!)
            .GroupBy(static line => (string)line["fault"]!))
            Console.WriteLine($"| {fault.Key} | {cells(fault)} |");
        File.Delete(results);
    }

    private static string Sums(IEnumerable<JsonNode> lines, params string[] names) =>
        string.Join(" | ", names.Select(name => lines.Sum(line => (long)line[name]!)));

    // Release: the assertions are those of the tests, and it takes half the time.
    private static int Simulation(string[] arguments)
    {
        const string Folder = "tests/unit/node", Configuration = "Release";
        var (seeds, first) = ("100000", (DateTime.UtcNow.DayOfYear * 1_000_000).ToString(CultureInfo.InvariantCulture));
        for (; arguments is [var name, var text, .. var rest]; arguments = rest)
            (seeds, first) = name switch
            {
                "--seeds" => (text, first),
                "--from" => (seeds, text),
                _ => throw new BuildException($"torture simulation: no option '{name}'")
            };
        if (arguments is [var last]) throw new BuildException($"torture simulation: '{last}' needs a number");
        Build(Folder, Configuration);
        Environment.SetEnvironmentVariable("TEMPO_SIM_SEEDS", seeds);
        Environment.SetEnvironmentVariable("TEMPO_SIM_FROM", first);
        var clock = Stopwatch.StartNew();
        var (exit, output) = Shell.Capture(
            TestRun.Executable(Folder, Configuration), ["-noLogo", "-noColor", "-class", "Tempo.Node.Tests.Simulation.SimulationTests"]);
        Console.WriteLine(exit == 0 ? $"simulation: {seeds} seeds from {first} held, {clock.Elapsed.TotalMinutes:F1} minutes" : output);
        return exit;
    }
}

/// <summary>What passed and what failed, over all steps.</summary>
internal sealed partial class Tally
{
    private readonly List<string> _failures = [];
    private int _passed;
    private int _failed;
    private int _skipped;

    /// <summary>A step that is one thing: it passed or it failed.</summary>
    public bool Step(string name, Func<bool> step)
    {
        Console.WriteLine($"== {name}");
        var clock = Stopwatch.StartNew();
        var ok = Succeeds(step);
        Count(name, ok ? 1 : 0, ok ? 0 : 1, 0, []);
        Console.WriteLine($"== {name}: {(ok ? "ok" : "FAILED")}, {clock.Elapsed.TotalSeconds:F1} s");
        return ok;
    }

    private static bool Succeeds(Func<bool> step)
    {
        try
        {
            return step();
        }
        catch (BuildException e)
        {
            Console.Error.WriteLine($"build: {e.Message}");
            return false;
        }
    }

    /// <summary>A test program's closing line; a program that died before it wrote one counts as one failure.</summary>
    public void Tests(string name, int exit, string output)
    {
        var summary = Summary().Match(output);
        int Of(string group) => summary.Success ? int.Parse(summary.Groups[group].ValueSpan, CultureInfo.InvariantCulture) : 0;
        var (failed, skipped) = (Of("errors") + Of("failed"), Of("skipped"));
        var passed = Of("total") - Of("failed") - skipped;
        if (failed == 0 && (exit != 0 || !summary.Success)) failed = 1;
        if (failed != 0) Console.WriteLine(output);
        Count(name, passed, failed, skipped, FailedTest().Matches(output).Select(static test => test.Value.TrimEnd()));
        Console.WriteLine($"== {name}: {passed} passed, {failed} failed, {skipped} skipped");
    }

    public int Close(TimeSpan took)
    {
        foreach (var failure in _failures) Console.WriteLine($"FAILED: {failure}");
        Console.WriteLine($"took {took.TotalSeconds:F0} s");
        Console.WriteLine($"{_passed} passed, {_failed} failed{(_skipped == 0 ? "" : $", {_skipped} skipped")}");
        return _failed == 0 ? 0 : 1;
    }

    private void Count(string name, int passed, int failed, int skipped, IEnumerable<string> failedTests)
    {
        _passed += passed;
        _failed += failed;
        _skipped += skipped;
        if (failed != 0) _failures.Add(string.Join('\n', [name, .. failedTests]));
    }

    // The test's name and the first lines of why: a log that is kept is often only its end.
    [GeneratedRegex(@"^.*\[FAIL\].*(\n(?!.*\[FAIL\]).+){0,5}", RegexOptions.Multiline)]
    private static partial Regex FailedTest();

    [GeneratedRegex(@"Total: (?<total>\d+), Errors: (?<errors>\d+), Failed: (?<failed>\d+), Skipped: (?<skipped>\d+)")]
    private static partial Regex Summary();
}

/// <summary>The node programs of the system tests: real OpenTelemetry senders, independent Parquet readers.</summary>
internal static class Senders
{
    private const string Folder = "tests/system/senders";
    private const string Stamp = Folder + "/node_modules/.lock-of-this-install";

    public static bool Install()
    {
        var wanted = File.ReadAllText($"{Folder}/package-lock.json");
        if (File.Exists(Stamp) && File.ReadAllText(Stamp) == wanted) return true;
        if (Shell.Run("npm", "ci", "--prefix", Folder, "--no-audit", "--no-fund", "--loglevel=error") != 0) return false;
        File.WriteAllText(Stamp, wanted);
        return true;
    }
}

/// <summary>What the SDK does not bring: looked for first, installed if we may, and otherwise named.</summary>
internal static class SystemPackages
{
    /// <param name="Name">The package's name in Debian and Ubuntu.</param>
    /// <param name="IsThere">Whether what it brings is there, wherever it came from.</param>
    public sealed record Package(string Name, Func<bool> IsThere);

    public static readonly Package[] ForPublish =
    [
        new("clang", () => OnPath("clang")),
        new("lld", () => OnPath("ld.lld")),
        new("zlib1g-dev", () => Header("zlib.h")),
        new("libzstd-dev", () => Header("zstd.h")),
        new("liblz4-dev", () => Header("lz4.h")),
        new("libsnappy-dev", () => Header("snappy-c.h")),
        new("libsnappy1v5", () => NativeLibrary.TryLoad("libsnappy.so.1", out _)),
    ];

    public static readonly Package[] ForSystemTests =
    [
        new("nodejs", () => OnPath("node")),
        new("npm", () => OnPath("npm")),
        new("strace", () => OnPath("strace")),
        new("prometheus", () => OnPath("prometheus") && OnPath("promtool")),
        new("etcd-server", () => OnPath("etcd")),
        new("memcached", () => OnPath("memcached")),
        new("redis-server", () => OnPath("redis-server")),
    ];

    public static readonly Package[] ForInstructions = [new("valgrind", () => OnPath("valgrind"))];

    public static void Need(Package[] packages)
    {
        if (!OperatingSystem.IsLinux()) return;
        string[] missing = [.. packages.Where(p => !p.IsThere()).Select(p => p.Name)];
        if (missing.Length == 0) return;

        string[] install = ["apt-get", "install", "-y", "--no-install-recommends", .. missing];
        if (!OnPath("apt-get")) throw new BuildException($"missing: {string.Join(' ', missing)} (Debian's names)");
        Environment.SetEnvironmentVariable("DEBIAN_FRONTEND", "noninteractive");
        string[] root = Environment.UserName == "root" ? []
            : OnPath("sudo") && Shell.Capture("sudo", ["-n", "true"]).Exit == 0 ? ["sudo", "-n"]
            : throw Refused(install);
        Console.WriteLine($"installing {string.Join(' ', missing)}");
        if (RunAs(root, ["apt-get", "update", "-q"]) != 0 || RunAs(root, install) != 0) throw Refused(install);
    }

    private static int RunAs(string[] root, string[] command)
    {
        string[] all = [.. root, .. command];
        return Shell.Run(all[0], all[1..]);
    }

    private static BuildException Refused(string[] install) =>
        new($"please run:\n  sudo apt-get update && sudo {string.Join(' ', install)}");

    private static bool OnPath(string program) =>
        (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator)
            .Any(folder => File.Exists(Path.Combine(folder, program)));

    private static bool Header(string name) => File.Exists($"/usr/include/{name}") || File.Exists($"/usr/local/include/{name}");
}

/// <summary>Other programs: run with our streams, run and listened to, or become.</summary>
internal static partial class Shell
{
    public static int Run(string program, params string[] arguments)
    {
        using var process = Start(new ProcessStartInfo(program, arguments));
        process.WaitForExit();
        return process.ExitCode;
    }

    public static (int Exit, string Output) Capture(string program, string[] arguments)
    {
        try
        {
            using var process =
                Start(new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true });
            var errors = process.StandardError.ReadToEndAsync();
            var output = process.StandardOutput.ReadToEnd();
            process.WaitForExit();
            return (process.ExitCode, process.ExitCode == 0 ? output : output + errors.Result);
        }
        catch (BuildException e)
        {
            return (127, e.Message);
        }
    }

    public static string Output(string program, params string[] arguments) =>
        Capture(program, arguments) is (0, var output)
            ? output
            : throw new BuildException($"{program} {string.Join(' ', arguments)} failed");

    /// <summary>Replaces this process, so that signals, streams and the exit code are the program's own.</summary>
    public static int Become(string program, string[] arguments)
    {
        if (OperatingSystem.IsWindows()) return Run(program, arguments);
        string?[] argv = [program, .. arguments, null];
        _ = Execv(program, argv);
        throw new BuildException($"cannot run {program}: {Marshal.GetLastPInvokeErrorMessage()}");
    }

    private static Process Start(ProcessStartInfo start)
    {
        try
        {
            return Process.Start(start)!;
        }
        catch (System.ComponentModel.Win32Exception e)
        {
            throw new BuildException($"cannot run {start.FileName}: {e.Message}");
        }
    }

    [LibraryImport("libc", EntryPoint = "execv", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Execv(string path, [In] string?[] argv);
}

internal sealed class BuildException(string message) : Exception(message);
