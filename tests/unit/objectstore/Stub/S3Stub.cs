using System.Collections.Concurrent;
using System.Net;
using System.Security;
using System.Text;
using System.Xml.Linq;

namespace Tempo.Engine.ObjectStore.Tests.Stub;

/// <summary>The S3 dialect: path style, one bucket, listings of two entries a page so that pages are turned.</summary>
internal sealed class S3Stub : ServiceStub
{
    private const int PageEntries = 2;
    private readonly ConcurrentDictionary<string, SortedDictionary<int, byte[]>> _uploads = new();
    private int _nextUpload;

    /// <summary>Uploads that were begun and neither completed nor aborted.</summary>
    public int OpenUploads => _uploads.Count;

    /// <summary>Headers of the latest put, for what is set from options.</summary>
    public WebHeaderCollection LatestPutHeaders { get; private set; } = [];

    protected override Answer Handle(HttpListenerRequest request, byte[] body)
    {
        var path = Uri.UnescapeDataString(request.Url!.AbsolutePath).Split('/', 3);
        var query = request.QueryString;
        var name = path.Length > 2 ? path[2] : "";
        if (name.Length == 0) return ListObjects(query["prefix"] ?? "", query["delimiter"], query["continuation-token"]);
        var upload = query["uploadId"];
        switch (request.HttpMethod)
        {
            case "GET": return Get(name, request.Headers["Range"]);
            case "HEAD": return Get(name, null) with { };
            case "DELETE" when upload is not null: _uploads.TryRemove(upload, out _); return new Answer(204);
            case "DELETE": Remove(name); return new Answer(204);
            case "PUT" when upload is not null:
                lock (_uploads) _uploads[upload][int.Parse(query["partNumber"]!)] = body;
                return new Answer(200, [], new() { ["ETag"] = $"\"part-{query["partNumber"]}\"" });
            case "PUT":
                LatestPutHeaders = (WebHeaderCollection)request.Headers;
                if (request.Headers["If-Match"] is { } version)
                    return Replace(name, version.Trim('"'), body) switch
                    {
                        true => new Answer(200, [], new() { ["ETag"] = "\"e\"" }),
                        false => Error(412, "PreconditionFailed"),
                        null => Error(404, "NoSuchKey")
                    };
                return Put(name, body, request.Headers["If-None-Match"] == "*")
                    ? new Answer(200, [], new() { ["ETag"] = "\"e\"" })
                    : Error(412, "PreconditionFailed");
            case "POST" when query["uploads"] is not null || request.Url.Query.Contains("uploads", StringComparison.Ordinal):
                var id = $"upload-{Interlocked.Increment(ref _nextUpload)}";
                _uploads[id] = [];
                return Xml($"<InitiateMultipartUploadResult><UploadId>{id}</UploadId></InitiateMultipartUploadResult>");
            case "POST" when upload is not null: return Complete(name, upload, body);
            default: return new Answer(405);
        }
    }

    private Answer Complete(string name, string upload, byte[] body)
    {
        if (!_uploads.TryRemove(upload, out var parts)) return Error(404, "NoSuchUpload");
        var ns = XElement.Parse(Encoding.UTF8.GetString(body));
        var listed = ns.Elements().Select(part => int.Parse(part.Elements().Single(e => e.Name.LocalName == "PartNumber").Value));
        Put(name, [.. listed.SelectMany(number => parts[number])], onlyIfAbsent: false);
        return Xml("<CompleteMultipartUploadResult><ETag>\"e\"</ETag></CompleteMultipartUploadResult>");
    }

    private Answer ListObjects(string prefix, string? delimiter, string? after)
    {
        var listed = Listed();
        var (names, folders, next) = List(listed.Keys, prefix, delimiter, after, PageEntries);
        var xml = new StringBuilder("<ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">");
        xml.Append($"<IsTruncated>{(next is null ? "false" : "true")}</IsTruncated><KeyCount>{names.Count + folders.Count}</KeyCount>");
        if (next is not null) xml.Append($"<NextContinuationToken>{SecurityElement.Escape(next)}</NextContinuationToken>");
        foreach (var name in names)
        {
            var (content, time) = listed[name];
            xml.Append($"<Contents><Key>{SecurityElement.Escape(name)}</Key><LastModified>{time.UtcDateTime:yyyy-MM-ddTHH:mm:ss.fffZ}</LastModified><ETag>\"e\"</ETag><Size>{content.Length}</Size></Contents>");
        }

        foreach (var folder in folders) xml.Append($"<CommonPrefixes><Prefix>{SecurityElement.Escape(folder)}</Prefix></CommonPrefixes>");
        return Xml(xml.Append("</ListBucketResult>").ToString());
    }

    private static Answer Error(int status, string code) =>
        Xml($"<Error><Code>{code}</Code><Message>{code}</Message></Error>") with { Status = status };

    private static Answer Xml(string text) =>
        new(200, Encoding.UTF8.GetBytes("<?xml version=\"1.0\" encoding=\"UTF-8\"?>" + text),
            new() { ["Content-Type"] = "application/xml" });
}
