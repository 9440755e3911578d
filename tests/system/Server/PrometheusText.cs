using System.Globalization;

namespace Tempo.SystemTests.Server;

/// <summary>The samples of a /metrics page.</summary>
public sealed class PrometheusText
{
    private readonly List<(string Name, string Labels, double Value)> _samples = [];

    public PrometheusText(string page)
    {
        foreach (var line in page.Split('\n', StringSplitOptions.RemoveEmptyEntries).Where(l => l[0] != '#'))
        {
            var valueAt = line.LastIndexOf(' ');
            var brace = line.IndexOf('{', StringComparison.Ordinal);
            var name = brace < 0 ? line[..valueAt] : line[..brace];
            var labels = brace < 0 ? "" : line[(brace + 1)..(valueAt - 1)];
            _samples.Add((name, labels, double.Parse(line[(valueAt + 1)..], CultureInfo.InvariantCulture)));
        }
    }

    /// <summary>
    /// The sum over all label sets that contain <paramref name="label"/> (such as <c>reason="x"</c>); 0 if there is none.
    /// </summary>
    public double Sum(string name, string label = "") =>
        _samples.Where(s => s.Name == name && s.Labels.Contains(label, StringComparison.Ordinal)).Sum(s => s.Value);

    public bool Has(string name) => _samples.Exists(s => s.Name == name);
}
