using System.Collections.Concurrent;
using System.Net;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Tempo.Engine.ObjectStore.Tests.Stub;

/// <summary>The dialect of Google Cloud Storage's JSON API, with resumable uploads.</summary>
internal sealed class GcsStub : ServiceStub
{
    private const int PageEntries = 2;
    private readonly ConcurrentDictionary<string, (string Name, MemoryStream Sent)> _uploads = new();
    private int _nextUpload;

    public int OpenUploads => _uploads.Count;

    protected override Answer Handle(HttpListenerRequest request, byte[] body)
    {
        var query = request.QueryString;
        // The name is one escaped segment: unescaped only after the path was taken apart.
        var path = request.RawUrl!.Split('?')[0];
        if (path.StartsWith("/session/", StringComparison.Ordinal)) return Session(request, path, body);
        if (path.StartsWith("/upload/", StringComparison.Ordinal))
        {
            if (query["uploadType"] == "media" && query["ifGenerationMatch"] is { } generation && generation != "0")
                return Replace(query["name"]!, generation, body) == true ? Json(new JsonObject()) : new Answer(412);
            if (query["uploadType"] == "media")
                return Put(query["name"]!, body, query["ifGenerationMatch"] == "0") ? Json(new JsonObject()) : new Answer(412);
            var session = $"/session/{Interlocked.Increment(ref _nextUpload)}";
            _uploads[session] = (query["name"]!, new MemoryStream());
            return new Answer(200, [], new() { ["Location"] = Url + session });
        }

        var tail = path[(path.IndexOf("/o", "/storage/v1/b/".Length, StringComparison.Ordinal) + 2)..];
        if (tail.Length == 0) return ListObjects(query["prefix"] ?? "", query["delimiter"], query["pageToken"]);
        var name = Uri.UnescapeDataString(tail[1..]);
        if (request.HttpMethod == "DELETE") return new Answer(Objects.TryRemove(name, out _) ? 204 : 404);
        if (query["alt"] == "media") return Get(name, request.Headers["Range"]);
        return Objects.TryGetValue(name, out var found) ? Json(Describe(name, found)) : new Answer(404);
    }

    private Answer Session(HttpListenerRequest request, string path, byte[] body)
    {
        if (request.HttpMethod == "DELETE")
        {
            _uploads.TryRemove(path, out _);
            return new Answer(499);
        }

        if (!_uploads.TryGetValue(path, out var upload)) return new Answer(410);
        var range = request.Headers["Content-Range"]!["bytes ".Length..].Split('-', '/');
        var start = long.Parse(range[0]);
        if (start > upload.Sent.Length) return new Answer(400);
        upload.Sent.Position = start;
        upload.Sent.Write(body);
        if (range[2] == "*") return new Answer(308, [], new() { ["Range"] = $"bytes=0-{upload.Sent.Length - 1}" });
        if (upload.Sent.Length != long.Parse(range[2])) return new Answer(400);
        _uploads.TryRemove(path, out _);
        Put(upload.Name, upload.Sent.ToArray(), onlyIfAbsent: false);
        return Json(new JsonObject());
    }

    private Answer ListObjects(string prefix, string? delimiter, string? after)
    {
        var (names, folders, next) = List(Objects.Keys, prefix, delimiter, after, PageEntries);
        var page = new JsonObject();
        if (names.Count > 0) page["items"] = new JsonArray([.. names.Select(name => (JsonNode)Describe(name, Objects[name]))]);
        if (folders.Count > 0) page["prefixes"] = new JsonArray([.. folders.Select(folder => (JsonNode)folder!)]);
        if (next is not null) page["nextPageToken"] = next;
        return Json(page);
    }

    private static JsonObject Describe(string name, (byte[] Content, DateTimeOffset Time) found) =>
        new() { ["name"] = name, ["size"] = $"{found.Content.Length}", ["updated"] = found.Time.ToString("O") };

    private static Answer Json(JsonNode node) =>
        new(200, JsonSerializer.SerializeToUtf8Bytes(node), new() { ["Content-Type"] = "application/json" });
}
