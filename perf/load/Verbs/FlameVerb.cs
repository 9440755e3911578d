using Tempo.Perf.Load.Observe;

namespace Tempo.Perf.Load.Verbs;

/// <summary>Draws where a server's time goes, from what perf recorded of it.</summary>
internal static class FlameVerb
{
    public static int Run(OptionReader options)
    {
        string stacks =
            options.Text("--stacks") ?? throw new OptionException("flame needs --stacks file, the output of perf script -F comm,ip,sym.");
        string picture = options.Text("--out") ?? throw new OptionException("flame needs --out file.svg.");
        string title = options.Text("--title") ?? Path.GetFileNameWithoutExtension(picture);
        options.ExpectEnd();
        var graph = new FlameGraph();
        using (var script = new StreamReader(stacks)) graph.Read(script);
        if (graph.SampleCount == 0) throw new OptionException($"there is no sample in {stacks}.");
        File.WriteAllText(picture, graph.ToSvg(title));
        return 0;
    }
}
