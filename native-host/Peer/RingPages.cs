using System.Buffers;
using System.Globalization;
using System.Net;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Tempo.Host.Http;
using Tempo.Ring;
using Tempo.Ring.Hashing;
using Tempo.Ring.Membership;

namespace Tempo.Host.Peer;

/// <summary>
/// The ring for people, and as JSON where that is accepted, under the paths that Tempo has for its rings. There is one ring here:
/// each page shows its members that do what the page's name says.
/// </summary>
internal sealed class RingPages(RingNode? ring, TimeProvider time)
{
    private static readonly (string Path, string Name, MemberRoles Roles)[] Pages =
    [
        ("/ingester/ring", "ingester_ring", MemberRoles.Holder),
        ("/live-store/ring", "live_store_ring", MemberRoles.Holder),
        ("/distributor/ring", "distributor_ring", MemberRoles.None),
        ("/compactor/ring", "compactor_ring", MemberRoles.Compactor),
        ("/backend-worker/ring", "backend_worker_ring", MemberRoles.Compactor),
        ("/metrics-generator/ring", "metrics_generator_ring", MemberRoles.Holder),
    ];

    // One process of Tempo has none of them but the second.
    public IEnumerable<ApiRoute> Routes() =>
        Pages.Where(page => ring is not null || page.Path == "/live-store/ring")
            .Select(page => new ApiRoute(page.Path, page.Name, AllowedMethods.Get, (context, _) => AnswerAsync(context, page.Roles)));

    private Task AnswerAsync(HttpContext context, MemberRoles roles)
    {
        var shards = ShardsOf(roles);
        var isJson = context.Request.Headers.Accept.ToString().Contains("application/json", StringComparison.OrdinalIgnoreCase);
        var body = isJson ? Json(shards) : Encoding.UTF8.GetBytes(Html(shards));
        context.Response.ContentType = isJson ? "application/json" : "text/html; charset=utf-8";
        context.Response.ContentLength = body.Length;
        return context.Response.Body.WriteAsync(body).AsTask();
    }

    private List<Shard> ShardsOf(MemberRoles roles)
    {
        if (ring is null) return [];
        var members = ring.Describe().Where(entry => roles == MemberRoles.None || (entry.Member.Roles & roles) != 0).ToList();
        var all = members.Sum(static entry => entry.Member.TokenCount);
        return [.. members.Select(entry => new Shard(
            entry.Member.Id, entry.Peer is { IsSuspect: true } ? "Unhealthy" : MemberJson.NameOf(entry.Member.State), entry.Member.Address,
            entry.Member.Zone,
            DateTimeOffset.FromUnixTimeSeconds(entry.Member.RegisteredAt), entry.Member.TokenCount, 100.0 * entry.Member.TokenCount / all,
            entry.Peer?.LastError ?? ""))];
    }

    private byte[] Json(List<Shard> shards)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            json.WriteStartArray("shards");
            foreach (var shard in shards)
            {
                json.WriteStartObject();
                json.WriteString("id", shard.Id);
                json.WriteString("state", shard.State);
                json.WriteString("address", shard.Address);
                json.WriteString("timestamp", shard.RegisteredAt.ToString("yyyy-MM-dd HH:mm:ss K", CultureInfo.InvariantCulture));
                json.WriteString("registered_timestamp", shard.RegisteredAt.ToString("O", CultureInfo.InvariantCulture));
                json.WriteString("zone", shard.Zone);
                json.WriteStartArray("tokens");
                foreach (var token in RingHash.TokensOf(shard.Id, shard.Tokens).Order()) json.WriteNumberValue(token);
                json.WriteEndArray();
                json.WriteNumber("ownership", shard.Ownership);
                if (shard.Error.Length > 0) json.WriteString("error", shard.Error);
                json.WriteEndObject();
            }

            json.WriteEndArray();
            json.WriteString("now", time.GetUtcNow().ToString("O", CultureInfo.InvariantCulture));
            json.WriteString("store", ring?.MembershipText ?? "inmemory: this node is alone");
            if (ring is not null)
            {
                json.WriteNumber("replicationFactor", ring.Options.ReplicationFactor);
                json.WriteStartArray("lost");
                foreach (var lost in ring.Lost) json.WriteStringValue(lost);
                json.WriteEndArray();
            }

            json.WriteEndObject();
        }

        return buffer.WrittenSpan.ToArray();
    }

    private string Html(List<Shard> shards)
    {
        var page = new StringBuilder(
            "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>Ring</title></head><body>\n<h1>Ring</h1>\n");
        page.Append(CultureInfo.InvariantCulture,
            $"<p>{Text(ring is null ? "This node is alone: no ring is configured." : $"Members are known from {ring.MembershipText}; {ring.Options.ReplicationFactor} copies of each span, {OwnerSet.QuorumOf(ring.Options.ReplicationFactor)} before it is acknowledged.")}</p>\n");
        if (ring is { Lost.Count: > 0 })
            page.Append(CultureInfo.InvariantCulture, $"<p>Lost lately: {Text(string.Join(", ", ring.Lost))}</p>\n");
        page.Append("<table border=\"1\"><thead><tr><th>Instance ID</th><th>Availability Zone</th><th>State</th><th>Address</th><th>Registered At</th><th>Tokens</th><th>Ownership</th><th>Last error</th></tr></thead><tbody>\n");
        foreach (var shard in shards)
            page.Append(CultureInfo.InvariantCulture,
                $"<tr><td>{Text(shard.Id)}</td><td>{Text(shard.Zone)}</td><td>{shard.State}</td><td>{Text(shard.Address)}</td><td>{shard.RegisteredAt:O}</td><td>{shard.Tokens}</td><td>{shard.Ownership:F1} %</td><td>{Text(shard.Error)}</td></tr>\n");
        return page.Append("</tbody></table>\n</body></html>\n").ToString();
    }

    private static string Text(string text) => WebUtility.HtmlEncode(text);

    private sealed record Shard(
        string Id, string State, string Address, string Zone, DateTimeOffset RegisteredAt, int Tokens, double Ownership, string Error);
}
