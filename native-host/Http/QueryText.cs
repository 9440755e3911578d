using System.Text;
using Tempo.Engine.TraceQL;
using Tempo.Host.Config;

namespace Tempo.Host.Http;

/// <summary>The limit on the length of a query.</summary>
internal static class QueryText
{
    /// <summary>
    /// False with Tempo's text for a query that is too long; one that is wrong as well hears of that instead, as in Tempo.
    /// </summary>
    public static bool IsWithinLimit(string query, SearchLimits limits, out string error)
    {
        error = "";
        if (query.Length <= limits.MaxQueryBytes && Encoding.UTF8.GetByteCount(query) <= limits.MaxQueryBytes) return true;
        error = TraceQlParser.TryParse(query, out _, out var wrong, int.MaxValue)
            ? $"TraceQL expression exceeds the configured maximum size of {limits.MaxQueryBytes} bytes, " +
              "reduce the query expression size or contact your system administrator"
            : $"invalid TraceQL query: {wrong.Message}";
        return false;
    }
}
