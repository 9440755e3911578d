using System.Net.Sockets;
using System.Text;

namespace Tempo.SystemTests.Server;

/// <summary>An HTTP answer, read whole.</summary>
/// <param name="ContentType">Without parameters; empty if there is none.</param>
public sealed record HttpAnswer(int Status, string ContentType, byte[] Body, IReadOnlyDictionary<string, string> Headers)
{
    public string Text => Encoding.UTF8.GetString(Body);

    public static async Task<HttpAnswer> ReadAsync(HttpResponseMessage response)
    {
        var headers = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);
        foreach (var (name, values) in response.Headers.Concat(response.Content.Headers)) headers[name] = string.Join(", ", values);
        return new HttpAnswer((int)response.StatusCode, response.Content.Headers.ContentType?.MediaType ?? "",
            await response.Content.ReadAsByteArrayAsync(), headers);
    }

    /// <summary>
    /// Sends, and reads the answer. A server that is killed just then may show as a bare socket's error, which the client lets through.
    /// </summary>
    public static async Task<HttpAnswer> AskAsync(HttpClient http, HttpRequestMessage request)
    {
        try
        {
            using var response = await http.SendAsync(request);
            return await ReadAsync(response);
        }
        catch (SocketException e)
        {
            throw new HttpRequestException(e.Message, e);
        }
    }

    public override string ToString() => $"{Status} {ContentType}: {Text}";
}
