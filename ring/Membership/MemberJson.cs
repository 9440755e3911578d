using System.Buffers;
using System.Text.Json;

namespace Tempo.Ring.Membership;

/// <summary>
/// A member as it stands in the store of members. Whatever stands there is checked: somebody else may have written it.
/// <code>
/// {"id":"tempo-1","address":"10.0.0.1:9095","zone":"a","state":"ACTIVE","roles":3,"tokens":128,"registered":1795221253,"drained":false,"log":"5f0e…"}
/// </code>
/// </summary>
public static class MemberJson
{
    private const int MaxTextLength = 255;

    public static byte[] Write(Member member)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            json.WriteString("id", member.Id);
            json.WriteString("address", member.Address);
            json.WriteString("zone", member.Zone);
            json.WriteString("state", NameOf(member.State));
            json.WriteNumber("roles", (int)member.Roles);
            json.WriteNumber("tokens", member.TokenCount);
            json.WriteNumber("registered", member.RegisteredAt);
            json.WriteBoolean("drained", member.IsDrained);
            json.WriteString("log", member.Log);
            json.WriteEndObject();
        }

        return buffer.WrittenSpan.ToArray();
    }

    /// <summary>False, and why, for what is no member.</summary>
    public static bool TryRead(ReadOnlyMemory<byte> utf8, out Member? member, out string error)
    {
        member = null;
        try
        {
            using var json = JsonDocument.Parse(utf8, new JsonDocumentOptions { MaxDepth = 8 });
            var root = json.RootElement;
            var (id, address, zone) = (Text(root, "id"), Text(root, "address"), Text(root, "zone"));
            var tokens = root.TryGetProperty("tokens", out var count) && count.TryGetInt32(out var number) ? number : Member.UsualTokens;
            var hasState = TryParseState(Text(root, "state"), out var state);
            error = id.Length == 0 ? "it has no id"
                : id.Length > MaxTextLength || zone.Length > MaxTextLength ? $"its id or zone is longer than {MaxTextLength} characters"
                : !IsAddress(address) ? $"its address '{Shorten(address)}' is no host and port"
                : tokens is < 1 or > Member.MaxTokens ? $"it has {tokens} tokens; 1 to {Member.MaxTokens} are allowed"
                : !hasState ? $"its state '{Shorten(Text(root, "state"))}' is not known"
                : "";
            if (error.Length > 0) return false;
            var registered = root.TryGetProperty("registered", out var at) && at.TryGetInt64(out var seconds) ? seconds : 0;
            member = new Member(id, address, zone, state, RolesOf(root), tokens)
            {
                RegisteredAt = registered,
                Log = Text(root, "log") is { Length: <= 16 } log ? log : "",
                IsDrained = root.TryGetProperty("drained", out var drained) && drained.ValueKind == JsonValueKind.True,
            };
            return true;
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            error = $"it is no JSON of a member: {e.Message}";
            return false;
        }
    }

    public static string NameOf(MemberState state) => state switch
    {
        MemberState.Joining => "JOINING",
        MemberState.Active => "ACTIVE",
        _ => "LEAVING",
    };

    /// <summary>False for a word that is no state.</summary>
    public static bool TryParseState(string text, out MemberState state)
    {
        (state, var isKnown) = text switch
        {
            "JOINING" => (MemberState.Joining, true),
            "ACTIVE" => (MemberState.Active, true),
            "LEAVING" => (MemberState.Leaving, true),
            _ => (MemberState.Joining, false),
        };
        return isKnown;
    }

    private static MemberRoles RolesOf(JsonElement root) =>
        root.TryGetProperty("roles", out var roles) && roles.TryGetInt32(out var bits)
            ? (MemberRoles)(bits & (int)MemberRoles.All)
            : MemberRoles.None;

    private static string Text(JsonElement root, string name) =>
        root.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString() ?? "" : "";

    private static string Shorten(string text) => text.Length > 80 ? text[..80] : text;

    /// <summary>A host and a port, and nothing that could be a part of another URL.</summary>
    public static bool IsAddress(string address) =>
        address.Length is > 2 and <= MaxTextLength && Uri.TryCreate($"http://{address}/", UriKind.Absolute, out var uri)
        && uri.Port > 0 && address.EndsWith($":{uri.Port}", StringComparison.Ordinal) && uri.UserInfo.Length == 0 && uri.PathAndQuery == "/"
        && uri.Fragment.Length == 0;
}
