namespace Tempo.Engine.TraceQL.Tests;

/// <summary>The lists of queries in data/.</summary>
internal static class QueryTables
{
    internal static IEnumerable<string> Accepted() => Lines("accepted.txt");

    /// <summary>Kind, query, message (empty where only the kind is known).</summary>
    internal static IEnumerable<(TraceQlErrorKind Kind, string Query, string Message)> Refused()
    {
        foreach (string line in Lines("refused.txt"))
        {
            string[] cells = line.Split('\t');
            yield return (Enum.Parse<TraceQlErrorKind>(cells[0], ignoreCase: true), cells[1], cells.Length > 2 ? cells[2] : "");
        }
    }

    internal static string[] ReadAll(string file) => File.ReadAllLines(Path.Combine(AppContext.BaseDirectory, "data", file));

    private static IEnumerable<string> Lines(string file) => ReadAll(file).Where(line => line.Length > 0 && line[0] != '#');
}
