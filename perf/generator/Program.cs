using System.Globalization;
using Tempo.Perf.Generator;

// What metrics from spans cost beside ingest, in one run on one machine:
//   dotnet run -c Release --project perf/generator [rounds | parts | flood]
if (args is ["flood"])
{
    Flood.Run();
    return 0;
}

if (args is ["parts"])
{
    IngestCost.RunParts(rounds: 5);
    return 0;
}

var rounds = args.Length > 0 ? int.Parse(args[0], CultureInfo.InvariantCulture) : 5;
await IngestCost.RunAsync(rounds);
SeriesCost.Run();
return 0;
