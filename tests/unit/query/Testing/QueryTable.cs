namespace Tempo.Query.Tests.Testing;

/// <summary>Tables of queries and answers: "query => answer", comments from #.</summary>
public static class QueryTable
{
    /// <summary>Each line with each layout of the data.</summary>
    public static TheoryData<Layout, string, string> Read(string file)
    {
        var rows = new TheoryData<Layout, string, string>();
        foreach (var line in File.ReadLines(Path.Combine(AppContext.BaseDirectory, "data", file)))
        {
            if (line.Length == 0 || line[0] == '#') continue;
            var arrow = line.LastIndexOf(" => ", StringComparison.Ordinal);
            foreach (var layout in Enum.GetValues<Layout>()) rows.Add(layout, line[..arrow], line[(arrow + 4)..]);
        }

        return rows;
    }
}
