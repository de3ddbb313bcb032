"""Words the generator makes names, titles and lines from; a line is an opening and an ending.

All of it was written for this project, in the languages and scripts its users write.
"""

# ruff: noqa: RUF001 - several scripts are the point

FIRST_NAMES = (
    "MC", "DJ", "Lady", "Young", "Big", "Captain", "Doctor", "Lil", "King", "Queen", "Señor",
    "Madame", "Uncle", "Auntie", "Professor", "Sister", "Brother", "Kid", "Sir", "Miss", "Baron",
    "Agent", "General", "Grandmaster", "Mighty", "Silent", "Ever-Ready", "Cold", "Lucky", "Saint",
)  # fmt: skip
LAST_NAMES = (
    "Quota", "Sidecar", "Taint", "Backoff", "Checkpoint", "Failover", "Gossip", "Hint", "Ingress",
    "Journal", "Kernel", "Latency", "Manifest", "Namespace", "Operator", "Partition", "Queue",
    "Replica", "Standby", "Throughput", "Upsert", "Vacuum", "Watermark", "Yield", "Zone",
    "Bloom Filter", "Cursor", "Daemon", "Eviction", "Finalizer", "Garbage", "Heartbeat", "Index",
    "Jitter", "Leader", "Mutex", "Nonce", "Offset", "Pager", "Rollback", "Schema", "Toleration",
)  # fmt: skip
NATIVE_NAMES = {
    "de": ("Käpt’n", "Zwischenspeicher"),
    "es": ("Doña", "Réplica"),
    "fr": ("Môme", "Sauvegarde"),
    "pt": ("Irmão", "Partição"),
    "hi": ("उस्ताद", "बैकअप"),
    "ja": ("夜勤の", "レプリカ"),
    "ar": ("الأستاذ", "سجل"),
    "uk": ("Пані", "Реплікація"),
    "ko": ("형님", "스냅샷"),
    "zh": ("小", "快照"),
}
"""A first and a last name for those artists whose names are written in their own language."""

VERBS = (
    "Drain", "Scale", "Patch", "Mount", "Seal", "Replay", "Shard", "Rotate", "Evict", "Bind",
    "Cordon", "Heal", "Stream", "Merge", "Commit", "Trace", "Throttle", "Label", "Roll", "Fence",
    "Flush", "Pin", "Probe", "Drop", "Watch", "Claim", "Sync", "Split", "Queue", "Restore",
    "Compact", "Resume",
)  # fmt: skip
ADJECTIVES = (
    "Last", "Stateful", "Silent", "Golden", "Broken", "Second", "Idle", "Orphan", "Stale", "Hot",
    "Cold", "Nightly", "Hidden", "Frozen", "Blue", "Green", "Lonely", "Noisy", "Tiny", "Whole",
    "Wrong", "Quiet", "Sleepless", "Virtual", "Distant", "Local", "Empty", "Borrowed", "Patient",
    "Rolling", "Lazy", "Honest",
)  # fmt: skip
NOUNS = (
    "Node", "Volume", "Pod", "Ledger", "Snapshot", "Replica", "Schema", "Token", "Secret", "Queue",
    "Cluster", "Backup", "Partition", "Cursor", "Index", "Log", "Socket", "Table", "Lease", "Probe",
    "Shard", "Bucket", "Stream", "Key", "Clock", "Cache", "Claim", "Page", "Tombstone", "Quota",
    "Region", "Restore",
)  # fmt: skip
ALBUMS = (
    "Cordon Season", "Write-Ahead", "Eventually", "Nine Nines", "Requests and Limits",
    "Point in Time", "Read Your Writes", "The Long Compaction", "Two Regions", "On Call",
)  # fmt: skip
LABELS = ("Backpressure Records", "Quorum Sounds", "Namespace Music", "Idempotent", "Cold Storage")

LANGUAGES = {
    "en": (
        "US",
        (
            "Three in the morning and the pager starts to sing",
            "I asked the scheduler nicely for a corner of my own",
            "My volume never left me when the node went down",
            "You call it ephemeral, I call it moving day",
            "They said that data don't belong here",
            "I write it to the log before I say it to your face",
            "Two replicas agreeing is a whisper, three's a choir",
            "The backup's only real on the night that you restore",
            "I kept the old leader's number but I never dial it",
            "Every claim I ever made was bound before the noon",
            "Roll me out in halves so that the crowd can keep on dancing",
            "The disk was full of memories and half of them were core dumps",
            "I took the lock, I did the work, I gave the lock away",
            "Your dashboard's painted green but I can hear the queue",
            "I label what I love so that the selector finds it",
            "Count the rows on both sides, then we talk about belief",
        ),
        (
            "and I'm still here, still writing to the ring.",
            "so I brought my own disk and a hand-me-down phone.",
            "the crown is only borrowed, ask the next one in town.",
            'read it back at "quorum" or don\'t read it anyway.',
            "then who kept the ledger when the lights turned clear?",
            "nobody gets deleted here without a proper grace.",
            "one of us may stumble, we don't set the house on fire.",
            "a copy in the same room is a copy nevermore.",
            "exactly-once is what you get when twice is made to fit.",
            "I'm stateful like a diary and steady like a tune.",
            "no downtime on the poster, only dancing, only dancing.",
            "I vacuumed up the basement and I threw away the dumps.",
            "come back tomorrow, same command, you get the same today.",
            "the lag is in the low end, and the low end's never new.",
            "a name is just a promise till a finaliser signs it.",
            "the checksum is a love song and the mismatch is the grief.",
        ),
    ),
    "de": (
        "DE",
        (
            "Der Knoten geht schlafen, mein Laufwerk bleibt wach",
            "Ich schreib's erst ins Protokoll und dann erst auf die Wand",
            "Drei Kopien, drei Städte, ein gemeinsamer Takt",
            "Du sagst, das sei flüchtig, ich nenn es Umzug bei Nacht",
            "Der Rufdienst klingelt leise, doch er klingelt um vier",
            "Wer nie zurückgespielt hat, der hat nie gesichert",
        ),
        (
            "und keiner verliert etwas unter diesem Dach.",
            "dann reich ich dir den Schlüssel und du reichst mir die Hand.",
            "die Mehrheit hat gesprochen, und so bleibt es, abgemacht.",
            "ich zähle alle Zeilen, bis der Morgen erwacht.",
            "„noch einmal von vorne“ ist kein Grund zur Panik hier.",
            "der Rest ist Hoffnung, und die Hoffnung kichert.",
        ),
    ),
    "es": (
        "ES",
        (
            "Se cayó el nodo, pero el disco sigue en pie",
            "Primero lo escribo, después te lo digo",
            "Tres réplicas cantan y una se calla",
            "¿Quién guarda la llave de la madrugada?",
            "Mi volumen me sigue de casa en casa",
            "La copia no vale hasta que la restauras",
        ),
        (
            "y vuelvo mañana a contarte el porqué.",
            "lo mismo dos veces, el mismo testigo.",
            "la mayoría gana, la red no me falla.",
            "yo cuento las filas, no me falta nada.",
            "el líder se cambia, la historia no pasa.",
            "«mañana» es el nombre de todas las causas.",
        ),
    ),
    "fr": (
        "FR",
        (
            "Le nœud s'est éteint, mon volume est resté",
            "J'écris d'abord au journal, ensuite je te parle",
            "Trois répliques d'accord, c'est déjà une chorale",
            "À trois heures du matin l'astreinte me réveille",
            "On m'a dit « éphémère », j'ai gardé mes clés",
            "La sauvegarde dort tant qu'on ne la relit pas",
        ),
        (
            "et rien ne s'est perdu de ce qu'on a compté.",
            "le verrou que je prends, je le rends sans escale.",
            "le quorum a parlé, le reste, c'est égal.",
            "je relis la même page, elle est toujours pareille.",
            "une fois ou deux fois, c'est le même couplet.",
            "et le jour où ça brûle, on ne la trouve pas.",
        ),
    ),
    "pt": (
        "BR",
        (
            "O nó foi embora, meu disco ficou",
            "Primeiro no registro, depois na canção",
            "Três cópias no ar e uma só direção",
            "Quem restaura de noite não chora de dia",
            "O plantão me chama, a cidade dormia",
            "Divide a partição, mas não perde o refrão",
        ),
        (
            "e a fila que andava ninguém apagou.",
            "repete comigo, é a mesma versão.",
            "o quórum decide, não é opinião.",
            "a soma confere, que bela alegria.",
            "e eu conto as linhas até ser dia.",
            "“uma vez só” cabe na palma da mão.",
        ),
    ),
    "hi": (
        "IN",
        (
            "नोड गया सोने, मेरा डेटा जागता है",
            "पहले लिखा लॉग में, फिर कही मैंने बात",
            "तीन प्रतियाँ साथ हों तो डर किस बात का",
            "रात के तीन बजे फिर बजी ये घंटी",
            "बैकअप वही सच्चा जो लौट कर आए",
        ),
        (
            "जो गिना था कल मैंने, आज भी वही है।",
            "दो बार करो फिर भी एक ही हालात।",
            "बहुमत ने जो कहा, वो गीत है रात का।",
            "मैं पंक्तियाँ गिनता हूँ, टूटी नहीं गिनती।",
            "“कल करेंगे” वाला बस खाली हाथ जाए।",
        ),
    ),
    "ja": (
        "JP",
        (
            "ノードは眠る ディスクは起きてる",
            "言うより先に ログに書く",
            "三つのレプリカ 声を合わせて",
            "午前三時に 呼び出しが鳴る",
            "戻せて初めて バックアップと呼ぶ",
        ),
        (
            "昨日の数が 今日も同じさ",
            "二度やったって 結果はひとつ",
            "多数が決めた 道を行くだけ",
            "「大丈夫」だと 行を数える",
            "鍵は返すよ 次の誰かに",
        ),
    ),
    "ar": (
        "EG",
        (
            "نامت العقدة وبقي القرص ساهرًا",
            "أكتب في السجل قبل أن أقول",
            "ثلاث نسخ تغني بصوت واحد",
            "في الثالثة فجرًا رن النداء",
            "لا نسخة تنفع حتى تعود",
        ),
        (
            "وما عددته أمس أجده حاضرًا.",
            "أعيدها مرتين والقول يطول.",
            "والأغلبية قالت، والحكم خالد.",
            "أعد السطور حتى يأتي الضياء.",
            "«غدًا» كلمة من نسي الوعود.",
        ),
    ),
    "uk": (
        "UA",
        (
            "Вузол заснув, а мій диск не спить",
            "Спершу в журнал, а тоді вже вголос",
            "Три репліки разом тримають лад",
            "О третій ночі дзвонить черговий",
            "Копія справжня, коли повернеш",
        ),
        (
            "усе, що рахував, на місці стоїть.",
            "удруге те саме, той самий голос.",
            "кворум сказав, і нема вороття назад.",
            "рядок до рядка, і я ще живий.",
            "«колись» не рятує, ти це збережеш.",
        ),
    ),
    "ko": (
        "KR",
        (
            "노드는 잠들어도 디스크는 깨어 있어",
            "말하기 전에 먼저 로그에 적어",
            "세 개의 복제본이 한목소리로",
            "새벽 세 시에 호출이 울려",
            "되돌려 봐야 진짜 백업이지",
        ),
        (
            "어제 센 숫자가 오늘도 그대로야",
            "두 번을 해 봐도 결과는 하나야",
            "다수가 정한 길을 걸어가",
            "“괜찮아” 하며 줄을 세어 봐",
            "열쇠는 다음 사람에게 돌려줘",
        ),
    ),
    "zh": (
        "TW",
        (
            "節點睡了 我的磁碟還醒著",
            "先寫進日誌 再說出口",
            "三份副本 同一個節拍",
            "凌晨三點 值班的鈴聲響",
            "還原得了 才算是備份",
        ),
        (
            "昨天數的 今天一筆不少",
            "再做一次 結果還是一樣",
            "多數同意 我們就往前走",
            "「沒事的」 我一行一行數",
            "鑰匙用完 就交給下一位",
        ),
    ),
}

"""For each language: a country that speaks it, openings, and the endings that may follow them."""

EMOJI = ("🔥", "🎤", "💾", "🧊", "🌙", "📟", "🚢", "👩🏽‍💻")

CITIES = (
    # city, country, time zone, hours from UTC that the generator's clocks keep all year
    ("Vienna", "AT", "Europe/Vienna", 1),
    ("Berlin", "DE", "Europe/Berlin", 1),
    ("Madrid", "ES", "Europe/Madrid", 1),
    ("Paris", "FR", "Europe/Paris", 1),
    ("Kyiv", "UA", "Europe/Kyiv", 2),
    ("Cairo", "EG", "Africa/Cairo", 2),
    ("São Paulo", "BR", "America/Sao_Paulo", -3),
    ("New York", "US", "America/New_York", -5),
    ("Oakland", "US", "America/Los_Angeles", -8),
    ("Chennai", "IN", "Asia/Kolkata", 5.5),
    ("Tokyo", "JP", "Asia/Tokyo", 9),
    ("Seoul", "KR", "Asia/Seoul", 9),
    ("Taipei", "TW", "Asia/Taipei", 8),
    ("Auckland", "NZ", "Pacific/Auckland", 12),
)
VENUES = ("Werk 3", "The Loading Dock", "Halle 9", "Room 404", "Warehouse 12", "Studio Eins")
CLIENTS = ("web", "android", "ios", "cli", "smart speaker")
