using System.Globalization;
using Tempo.Perf.Ring;

// tempo-ring demo [--nodes 3] [--rf 3]      a ring on this machine, with etcd and S3's wire, until Ctrl+C
// tempo-ring cost [--seconds 15] [--rounds 3] [--spans-per-request 512] [--only 1,3] [--rate 40000]   what routing and replication cost a
// span, against a node alone; only some rows of the table tempo-ring queries [--seconds 20] [--rounds 5] [--rf 1]     what it brings and
// costs that two nodes compute a query tempo-ring live [--nodes 3] [--rf 3] [--rate 10000] [--seconds 60]     what queries cost while spans
// come in
string Option(string name, string usual) => Array.IndexOf(args, name) is >= 0 and var at && at + 1 < args.Length ? args[at + 1] : usual;
int Number(string name, int usual) => int.Parse(Option(name, usual.ToString(CultureInfo.InvariantCulture)), CultureInfo.InvariantCulture);
var binary = Path.GetFullPath(Option("--binary", "artifacts/tempo/tempo"));
if (!File.Exists(binary))
{
    Console.Error.WriteLine($"there is no binary at {binary}: ./build.ps1 publish makes it");
    return 2;
}

switch (args.FirstOrDefault())
{
    case "demo":
        await Demo.RunAsync(binary, Number("--nodes", 3), Number("--rf", 3));
        return 0;
    case "cost":
        await Cost.RunAsync(binary, Number("--seconds", 15), Number("--rounds", 3), Number("--spans-per-request", 512),
            Option("--only", ""), Number("--rate", 40_000));
        return 0;
    case "queries":
        await Division.RunAsync(binary, Number("--seconds", 20), Number("--rounds", 5), Number("--rf", 1));
        return 0;
    case "live":
        await Live.RunAsync(binary, Number("--nodes", 3), Number("--rf", 3), Number("--rate", 10_000), Number("--seconds", 60));
        return 0;
    default:
        Console.Error.WriteLine(
            "tempo-ring demo [--nodes 3] [--rf 3] | tempo-ring cost [--seconds 15] [--rounds 3] [--spans-per-request 512] [--only 1,3] [--rate 40000] | tempo-ring queries [--seconds 20] [--rounds 5] [--rf 1] | tempo-ring live [--nodes 3] [--rf 3] [--rate 10000] [--seconds 60]");
        return 2;
}
