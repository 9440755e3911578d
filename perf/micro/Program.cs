using Tempo.Perf.Micro;

const string Usage = """
    tempo-micro blocks --requests file.bin [--spans-per-block 250000]   sidecar bytes a span, CPU of tag names and values
    tempo-micro misses [--blocks 1000] [--traces 2000]                  CPU of a look-up by id that finds nothing
    A file of requests is made by tempo-load generate.
    """;
var options = new Dictionary<string, string>(StringComparer.Ordinal);
for (var i = 1; i + 1 < args.Length; i += 2) options[args[i]] = args[i + 1];
int Number(string name, int fallback) => options.TryGetValue(name, out var text) ? int.Parse(text, System.Globalization.CultureInfo.InvariantCulture) : fallback;
switch (args.FirstOrDefault())
{
    case "blocks" when options.TryGetValue("--requests", out var path):
        await SidecarMeasures.BlocksAsync(path, Number("--spans-per-block", 250_000)).ConfigureAwait(false);
        return 0;
    case "misses":
        await SidecarMeasures.MissesAsync(Number("--blocks", 1000), Number("--traces", 2000)).ConfigureAwait(false);
        return 0;
    default:
        Console.Error.WriteLine(Usage);
        return 2;
}
